# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Text towers."""

from .open_clip_text import OpenCLIPTextEncoder

__all__ = ['OpenCLIPTextEncoder']
