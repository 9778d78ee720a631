# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Is the data what it should be?"""

from .dataset_check import DatasetCheck
from .finding import Finding
from .pair import PairFacts, scan_pair
from .splits import has_labels, splits_of

__all__ = [
    'DatasetCheck',
    'Finding',
    'PairFacts',
    'has_labels',
    'scan_pair',
    'splits_of',
]
