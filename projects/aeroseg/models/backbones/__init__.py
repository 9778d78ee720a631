# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Image towers."""

from .block_clip import BlockCLIP, BlockFeatures
from .convnext_clip import ConvNeXtCLIP
from .dense_clip import DenseCLIP, DenseFeatures
from .rotated_clip import CLIPFeatures, RotatedCLIP
from .split_clip import SplitCLIP

__all__ = [
    'BlockCLIP',
    'BlockFeatures',
    'CLIPFeatures',
    'ConvNeXtCLIP',
    'DenseCLIP',
    'DenseFeatures',
    'RotatedCLIP',
    'SplitCLIP',
]
