# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of engine/measure.py."""

import time

import measure
import pytest
import torch
from torch import nn

CPU = torch.device('cpu')


def test_timing_is_that_of_the_runs() -> None:
    pauses = iter([0.2, 0.01, 0.03, 0.02])
    timing = measure.time_runs(
        lambda: time.sleep(next(pauses)), CPU, repeat=3, warm_up=1
    )
    assert 0.02 <= timing.median < 0.2
    assert timing.low <= timing.median <= timing.high
    assert timing.high >= 0.03


def test_processor_time_leaves_out_waiting() -> None:
    timing = measure.time_runs(
        lambda: time.sleep(0.2), CPU, repeat=1, clock=time.process_time
    )
    assert timing.median < 0.1


def test_stages_are_timed_call_by_call_and_let_go() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    with measure.stage_times({'linear': [net[0]]}, CPU) as seconds:
        net(torch.rand(2, 4))
        net(torch.rand(2, 4))
    net(torch.rand(2, 4))
    assert len(seconds['linear']) == 2
    assert all(value > 0 for value in seconds['linear'])


def test_peak_memory_sees_what_is_freed_again() -> None:
    small = measure.peak_memory(lambda: torch.ones(1000), CPU)
    if small is None:
        pytest.skip('this system does not tell its peak memory')
    large = measure.peak_memory(lambda: torch.ones(50_000_000), CPU)
    assert large is not None
    assert large - small > 150_000_000
    again = measure.peak_memory(lambda: torch.ones(1000), CPU)
    assert again is not None
    assert large - again > 150_000_000


def test_flops_of_a_product_and_of_attention() -> None:
    a, b = torch.rand(3, 5), torch.rand(5, 7)
    assert measure.count_flops(lambda: a @ b) == 2 * 3 * 5 * 7
    q = torch.rand(1, 2, 6, 4)
    attend = nn.functional.scaled_dot_product_attention
    assert measure.count_flops(lambda: attend(q, q, q)) == 2 * 4 * 6 * 6 * 4


def test_matmul_rate_is_positive() -> None:
    assert measure.matmul_rate(CPU, torch.float32, size=64) > 0
