# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Hooks of the training and test loops."""

from .acceleration_hook import AccelerationHook
from .dataset_check_hook import DatasetCheckHook
from .gradient_norm_hook import GradientNormHook
from .trainable_hook import TrainableHook
from .training_state_hook import TrainingStateHook
from .vocabulary_hook import VocabularyHook

__all__ = [
    'AccelerationHook',
    'DatasetCheckHook',
    'GradientNormHook',
    'TrainableHook',
    'TrainingStateHook',
    'VocabularyHook',
]
