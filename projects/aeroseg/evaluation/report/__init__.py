# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The full report of a test: intervals, boundaries, calibration, words."""

from .compare import compare_reports, find_counts
from .extra_passes import PASSES
from .full_report_hook import FullReportHook
from .full_report_metric import FullReportMetric
from .image_counts import ImageCounts
from .report_record import format_interval

__all__ = [
    'PASSES',
    'FullReportHook',
    'FullReportMetric',
    'ImageCounts',
    'compare_reports',
    'find_counts',
    'format_interval',
]
