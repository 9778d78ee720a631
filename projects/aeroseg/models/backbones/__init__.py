# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Image towers."""

from .dense_clip import DenseCLIP, DenseFeatures
from .rotated_clip import CLIPFeatures, RotatedCLIP

__all__ = ['CLIPFeatures', 'DenseCLIP', 'DenseFeatures', 'RotatedCLIP']
