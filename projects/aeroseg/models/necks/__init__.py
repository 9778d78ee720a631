# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Correlation and its refinement."""

from .correlation_neck import CorrelationNeck

__all__ = ['CorrelationNeck']
