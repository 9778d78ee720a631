# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Encoders that guide the refinement of the correlation."""

from .base import GuidanceEncoder
from .clip import CLIPGuidance
from .sam import SAMGuidance
from .sam2 import SAM2Guidance
from .sam2_pretrained import SAM2Pretrained
from .sam_pretrained import SAMPretrained

__all__ = [
    'CLIPGuidance',
    'GuidanceEncoder',
    'SAM2Guidance',
    'SAM2Pretrained',
    'SAMGuidance',
    'SAMPretrained',
]
