# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Between the encoders and the head: correlation, upsampling."""

from .correlation_neck import CorrelationNeck
from .deformable_pixel_decoder import DeformablePixelDecoder
from .jbu_pretrained import JBUPretrained
from .jbu_upsampler import JBUUpsampler
from .semantic_integration import SemanticIntegration

__all__ = [
    'CorrelationNeck',
    'DeformablePixelDecoder',
    'JBUPretrained',
    'JBUUpsampler',
    'SemanticIntegration',
]
