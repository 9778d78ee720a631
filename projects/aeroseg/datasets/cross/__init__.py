# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Test sets of the cross-dataset protocols: words, layouts, conversion."""

from .benchmark import BENCHMARKS, Benchmark, load_benchmark
from .converter import BenchmarkConverter
from .cross_dataset import CrossDataset
from .protocol import Protocol, load_protocol, protocols

__all__ = [
    'BENCHMARKS',
    'Benchmark',
    'BenchmarkConverter',
    'CrossDataset',
    'Protocol',
    'load_benchmark',
    'load_protocol',
    'protocols',
]
