# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_rewrites.py, through its command line."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_both_forms_agree(root: Path) -> None:
    done = subprocess.run(
        [
            sys.executable, str(root / 'benchmarks/benchmark_rewrites.py'),
            '--only', 'guidance', 'decoder', 'padded_classes', 'sam_window',
            '--repeat', '1', '--threads', '1',
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line[:1] == '|']
    rows = [line.strip('| ').split(' | ') for line in lines[2:]]
    assert len(rows) == 4
    for _, plain, ours, ratio, difference in rows:
        assert float(plain) > 0
        assert float(ours) > 0
        assert float(ratio) > 0
        assert float(difference) < 1e-4
