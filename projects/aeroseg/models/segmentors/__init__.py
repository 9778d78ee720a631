# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Whole systems on one base for open vocabularies."""

from .aeroseg import AerOSeg
from .exported import ExportedSegmentor
from .open_vocab import OpenVocabSegmentor
from .san import SAN
from .scan import SCAN
from .sed import SED
from .training_free import TrainingFreeSegmentor
from .tta import OpenVocabTTA, unwrapped

__all__ = [
    'SAN',
    'SCAN',
    'SED',
    'AerOSeg',
    'ExportedSegmentor',
    'OpenVocabSegmentor',
    'OpenVocabTTA',
    'TrainingFreeSegmentor',
    'unwrapped',
]
