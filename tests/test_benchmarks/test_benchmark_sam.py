# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_sam.py, through its command line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize('against', ['segment-anything', 'timm'])
def test_compares_the_two(root: Path, against: str) -> None:
    script = str(root / 'benchmarks/benchmark_sam.py')
    done = subprocess.run(
        [
            sys.executable, script, '--arch', 'vit_b', '--size', '64',
            '--repeat', '1', '--threads', '1', '--against', against,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = re.search(r'ratio (\S+), relative error (\S+)', done.stdout)
    assert found is not None
    assert float(found[1]) > 0
    assert float(found[2]) < 1e-4
