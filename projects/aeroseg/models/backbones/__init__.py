# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Image towers."""

from .rotated_clip import CLIPFeatures, RotatedCLIP
from .split_clip import SplitCLIP

__all__ = ['CLIPFeatures', 'RotatedCLIP', 'SplitCLIP']
