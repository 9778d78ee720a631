# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_workers.py, through its command line."""

import re

import pytest
from tool_process import run_tool

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
TOOL = 'benchmarks/benchmark_workers.py'


@pytest.mark.slow
def test_it_prints_seconds_and_compares_the_maps() -> None:
    done = run_tool(TOOL, TINY, '--windows', 8, '--workers', '1,2')
    assert done.status == 0, done.err
    rows = re.findall(r'^ +(\d) +([\d.]+) +([\d.]+)$', done.out, re.MULTILINE)
    assert [workers for workers, _, _ in rows] == ['1', '2']
    assert float(rows[0][2]) == 1
    assert 'same bytes' in done.out


def test_a_number_that_is_none_is_refused() -> None:
    done = run_tool(TOOL, TINY, '--workers', '1,x')
    assert done.status == 2
    assert '--workers' in done.err
