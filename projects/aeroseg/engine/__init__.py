# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Training and testing around the model: hooks, optimiser, launching."""

from .atomic_backend import AtomicLocalBackend
from .hooks import (
    AccelerationHook,
    GradientNormHook,
    TrainableHook,
    VocabularyHook,
)
from .optimizers import AutocastOptimWrapper, QuietOptimWrapperConstructor

__all__ = [
    'AccelerationHook',
    'AtomicLocalBackend',
    'AutocastOptimWrapper',
    'GradientNormHook',
    'QuietOptimWrapperConstructor',
    'TrainableHook',
    'VocabularyHook',
]
