# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Training and testing around the model: hooks, optimiser, launching."""

from .atomic_backend import AtomicLocalBackend
from .autocast_optim_wrapper import AutocastOptimWrapper
from .hooks import (
    AccelerationHook,
    GradientNormHook,
    TrainableHook,
    VocabularyHook,
)
from .quiet_constructor import QuietOptimWrapperConstructor

__all__ = [
    'AccelerationHook',
    'AtomicLocalBackend',
    'AutocastOptimWrapper',
    'GradientNormHook',
    'QuietOptimWrapperConstructor',
    'TrainableHook',
    'VocabularyHook',
]
