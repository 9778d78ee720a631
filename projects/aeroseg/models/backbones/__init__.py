# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Image towers."""

from .convnext_clip import ConvNeXtCLIP
from .rotated_clip import CLIPFeatures, RotatedCLIP

__all__ = ['CLIPFeatures', 'ConvNeXtCLIP', 'RotatedCLIP']
