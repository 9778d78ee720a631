# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Encoders that guide the refinement of the correlation."""

from .base import GuidanceEncoder
from .clip import CLIPGuidance
from .sam import SAMGuidance
from .sam_pretrained import SAMPretrained

__all__ = [
    'CLIPGuidance',
    'GuidanceEncoder',
    'SAMGuidance',
    'SAMPretrained',
]
