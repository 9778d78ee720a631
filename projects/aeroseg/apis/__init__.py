# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Prediction: images, and scenes of any size.

Importing this needs no rasterio; reading files does (extra ``geo``).
"""

from .label_scheme import LabelScheme
from .predictor import Predictor
from .result import SegmentationResult
from .scene_tiling import Tiling

__all__ = ['LabelScheme', 'Predictor', 'SegmentationResult', 'Tiling']
