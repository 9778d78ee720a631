# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""AerOSeg: datasets."""

from .cross import CrossDataset
from .dlrsd import DLRSDDataset
from .folder import FolderDataset
from .isaid15 import ISAID15Dataset
from .open_vocab import OpenVocabDataset
from .openearthmap import OpenEarthMapDataset
from .seeded_draws import SeededInfiniteSampler
from .transforms import LoadLabels

__all__ = [
    'CrossDataset',
    'DLRSDDataset',
    'FolderDataset',
    'ISAID15Dataset',
    'LoadLabels',
    'OpenEarthMapDataset',
    'OpenVocabDataset',
    'SeededInfiniteSampler',
]
