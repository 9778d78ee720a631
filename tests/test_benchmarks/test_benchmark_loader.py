# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_loader.py, through its command line."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def measure(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(root / 'benchmarks/benchmark_loader.py'),
        TINY,
    ]
    return subprocess.run(
        [*command, '--workers', '0,1', '--samples', '8', '--cfg-options',
         *options],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_prints_rates(root: Path, tmp_path: Path) -> None:
    for kind, shape in (('img', (80, 80, 3)), ('ann', (80, 80))):
        path = tmp_path / f'{kind}_dir' / 'train' / '0.png'
        path.parent.mkdir(parents=True)
        Image.fromarray(np.ones(shape, np.uint8)).save(path)
    done = measure(root, f'train_dataloader.dataset.data_root={tmp_path}')
    assert done.returncode == 0, done.stderr
    rates = re.findall(r'^\| (\d) \| ([\d.]+) \|$', done.stdout, re.MULTILINE)
    assert [workers for workers, _ in rates] == ['0', '1']
    assert all(float(rate) > 0 for _, rate in rates)


def test_says_where_data_are_missing(root: Path) -> None:
    done = measure(root, 'train_dataloader.dataset.data_root=nowhere')
    assert done.returncode == 1
    assert 'error: OpenEarthMapDataset: no folder nowhere' in done.stderr
