# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What runs beside the model: hooks, launching."""

from aeroseg.checkpoints.read import load_checkpoint_file

from .autocast_optim_wrapper import AutocastOptimWrapper
from .hooks import AccelerationHook, TrainableHook, VocabularyHook
from .quiet_constructor import QuietOptimWrapperConstructor

__all__ = [
    'AccelerationHook',
    'AutocastOptimWrapper',
    'QuietOptimWrapperConstructor',
    'TrainableHook',
    'VocabularyHook',
    'load_checkpoint_file',
]
