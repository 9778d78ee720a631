# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Hooks of the training and test loops."""

from .trainable_hook import TrainableHook
from .vocabulary_hook import VocabularyHook

__all__ = ['TrainableHook', 'VocabularyHook']
