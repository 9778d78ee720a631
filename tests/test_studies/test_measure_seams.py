# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""studies/measure_seams.py on a random image with the tiny model."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

import aeroseg.models  # noqa: F401


def _run(root: Path, folder: Path, *args: str) -> subprocess.CompletedProcess:
    tool = str(root / 'studies' / 'measure_seams.py')
    return subprocess.run(
        [
            *(sys.executable, tool, 'scene.png', '--checkpoint', 'tiny.pth'),
            *('--classes', 'road; tree', '--device', 'cpu', *args),
        ],
        cwd=folder,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_line_per_overlap(root: Path, tmp_path: Path) -> None:
    name = 'aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    config = Config.fromfile(root / 'configs' / 'aeroseg' / name)
    config.predictor.scale = 1.0
    config.dump(tmp_path / 'config.py')
    weights = {'state_dict': MODELS.build(config.model).state_dict()}
    torch.save(weights, tmp_path / 'tiny.pth')
    pixels = np.random.default_rng(0).integers(0, 256, (170, 190, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / 'scene.png')
    done = _run(root, tmp_path, '--size', '140')
    assert done.returncode == 0, done.stderr[-2000:]
    # The packages below may print lines of their own before.
    printed = done.stdout.splitlines()
    start = [line.endswith('windows of 64') for line in printed].index(True)
    head, _, *lines = printed[start:]
    assert '140 x 140 pixels' in head
    assert [int(line.split()[0]) for line in lines] == [0, 8, 16, 32]
    for line in lines:
        contrast, agreement = map(float, line.split()[1:3])
        assert contrast > 0
        assert 0 < agreement <= 100
    small = _run(root, tmp_path, '--size', '100')
    assert small.returncode == 1
    assert 'at least two windows' in small.stderr.splitlines()[-1]
