# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_rejection.py, through its command line."""

import re

from tool_process import Ended, run_tool


def measure(config: str) -> Ended:
    return run_tool(
        *('benchmarks/benchmark_rejection.py', config, '--classes', '200'),
        *('--left', '200,2', '--size', '64', '--threads', '1'),
    )


def test_fewer_classes_take_less_time() -> None:
    done = measure('configs/baselines/sed_tiny_1xb2-20_openearthmap-64x64.py')
    assert done.status == 0, done.err
    rows = re.findall(
        r'^\| (on|off) \| (\d+) \| [\d.]+ \| ([\d.]+) \|$',
        done.out,
        re.MULTILINE,
    )
    assert [row[:2] for row in rows] == [
        ('off', '200'), ('on', '200'), ('on', '2')
    ]  # fmt: skip
    assert float(rows[2][2]) < float(rows[1][2])


def test_another_model_is_refused() -> None:
    done = measure(
        'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    )
    assert done.status == 1
    assert 'the model is AerOSeg' in done.err
