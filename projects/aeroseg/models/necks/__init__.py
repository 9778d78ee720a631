# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Between the encoders and the head: correlation, upsampling."""

from .correlation_neck import CorrelationNeck
from .jbu_pretrained import JBUPretrained
from .jbu_upsampler import JBUUpsampler

__all__ = ['CorrelationNeck', 'JBUPretrained', 'JBUUpsampler']
