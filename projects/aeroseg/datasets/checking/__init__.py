# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checks of a dataset: its pairs, its classes and its splits."""

from .dataset_check import DatasetCheck
from .pair import PairFacts, scan_pair
from .rules import Finding
from .splits import has_labels, splits_of

__all__ = [
    'DatasetCheck',
    'Finding',
    'PairFacts',
    'has_labels',
    'scan_pair',
    'splits_of',
]
