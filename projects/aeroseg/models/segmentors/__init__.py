# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The whole model."""

from .aeroseg import AerOSeg

__all__ = ['AerOSeg']
