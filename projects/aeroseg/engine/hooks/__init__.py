# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Hooks of the training and test loops."""

from .dataset_check_hook import DatasetCheckHook
from .trainable_hook import TrainableHook
from .vocabulary_hook import VocabularyHook

__all__ = ['DatasetCheckHook', 'TrainableHook', 'VocabularyHook']
