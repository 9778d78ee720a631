# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scores over seen and unseen classes, and their result files."""

from .open_vocab_iou_metric import OpenVocabIoUMetric
from .protocol_hook import ProtocolHook
from .report import FullReportHook, FullReportMetric
from .result_file import read_result, write_result
from .scores import harmonic_mean, open_vocab_means

__all__ = [
    'FullReportHook',
    'FullReportMetric',
    'OpenVocabIoUMetric',
    'ProtocolHook',
    'harmonic_mean',
    'open_vocab_means',
    'read_result',
    'write_result',
]
