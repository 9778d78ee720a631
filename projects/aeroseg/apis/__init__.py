# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Prediction: images, and scenes of any size.

Importing this needs no rasterio; reading files does (extra ``geo``).
"""

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.windows.tiling import Tiling

from .predictor import Predictor
from .result import SegmentationResult

__all__ = ['LabelScheme', 'Predictor', 'SegmentationResult', 'Tiling']
