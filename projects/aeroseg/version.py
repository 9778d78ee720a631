# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The version of AerOSeg."""

__version__ = '0.1.0'
