# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""AerOSeg: open-vocabulary segmentation of remote-sensing images."""

from .version import __version__

__all__ = ['__version__']
