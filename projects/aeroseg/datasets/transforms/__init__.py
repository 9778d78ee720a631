# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Steps of the data pipeline."""

from .load_labels import LoadLabels

__all__ = ['LoadLabels']
