# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of benchmarks/benchmark_loader.py, through its command line."""

import re
from pathlib import Path

import numpy as np
from PIL import Image
from tool_process import Ended, run_tool

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def measure(*options: str) -> Ended:
    return run_tool(
        *('benchmarks/benchmark_loader.py', TINY, '--workers', '0,1'),
        *('--samples', '8', '--cfg-options', *options),
    )


def test_prints_rates(tmp_path: Path) -> None:
    for kind, shape in (('img', (80, 80, 3)), ('ann', (80, 80))):
        path = tmp_path / f'{kind}_dir' / 'train' / '0.png'
        path.parent.mkdir(parents=True)
        Image.fromarray(np.ones(shape, np.uint8)).save(path)
    done = measure(f'train_dataloader.dataset.data_root={tmp_path}')
    assert done.status == 0, done.err
    rates = re.findall(r'^\| (\d) \| ([\d.]+) \|$', done.out, re.MULTILINE)
    assert [workers for workers, _ in rates] == ['0', '1']
    assert all(float(rate) > 0 for _, rate in rates)


def test_says_where_data_are_missing() -> None:
    done = measure('train_dataloader.dataset.data_root=nowhere')
    assert done.status == 1
    assert 'error: OpenEarthMapDataset: no folder nowhere' in done.err
