# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From the official downloads to tiles that the datasets read."""

from .conversion import Conversion
from .converter import Converter
from .dlrsd import DLRSDConverter
from .folder import FolderConverter
from .isaid import ISAIDConverter
from .openearthmap import OpenEarthMapConverter

__all__ = [
    'Conversion',
    'Converter',
    'DLRSDConverter',
    'FolderConverter',
    'ISAIDConverter',
    'OpenEarthMapConverter',
]
