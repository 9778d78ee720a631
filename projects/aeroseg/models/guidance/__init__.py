# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Encoders that guide the refinement of the correlation."""

from .base import GuidanceEncoder
from .clip import CLIPGuidance
from .dino import DINOGuidance
from .dino_pretrained import DINOPretrained
from .sam import SAMGuidance
from .sam2 import SAM2Guidance
from .sam2_pretrained import SAM2Pretrained
from .sam_pretrained import SAMPretrained

__all__ = [
    'CLIPGuidance',
    'DINOGuidance',
    'DINOPretrained',
    'GuidanceEncoder',
    'SAM2Guidance',
    'SAM2Pretrained',
    'SAMGuidance',
    'SAMPretrained',
]
