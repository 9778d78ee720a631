# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What a config names under `optim_wrapper`."""

from .autocast_optim_wrapper import AutocastOptimWrapper
from .quiet_constructor import QuietOptimWrapperConstructor

__all__ = ['AutocastOptimWrapper', 'QuietOptimWrapperConstructor']
