# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_rejection.py, through its command line."""

import re
import subprocess
import sys
from pathlib import Path


def measure(root: Path, config: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(root / 'benchmarks/benchmark_rejection.py'),
        config,
    ]
    return subprocess.run(
        [*command, '--classes', '200', '--left', '200,2', '--size', '64',
         '--threads', '1'],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_fewer_classes_take_less_time(root: Path) -> None:
    done = measure(
        root, 'configs/baselines/sed_tiny_1xb2-20_openearthmap-64x64.py'
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(
        r'^\| (on|off) \| (\d+) \| [\d.]+ \| ([\d.]+) \|$',
        done.stdout,
        re.MULTILINE,
    )
    assert [row[:2] for row in rows] == [
        ('off', '200'), ('on', '200'), ('on', '2')
    ]  # fmt: skip
    assert float(rows[2][2]) < float(rows[1][2])


def test_another_model_is_refused(root: Path) -> None:
    done = measure(
        root, 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    )
    assert done.returncode == 1
    assert 'the model is AerOSeg' in done.stderr
