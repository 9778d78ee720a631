# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Weight files: one reader, one rule for what does not fit a model."""

from .fit import check_fit
from .read import read_checkpoint, read_weights

__all__ = ['check_fit', 'read_checkpoint', 'read_weights']
