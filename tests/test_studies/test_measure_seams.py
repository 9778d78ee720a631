# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""studies/measure_seams.py on a random image with the tiny model."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from tool_process import Ended, run_tool

import aeroseg.models  # noqa: F401


def _run(folder: Path, *args: str) -> Ended:
    return run_tool(
        *('studies/measure_seams.py', 'scene.png', '--checkpoint', 'tiny.pth'),
        *('--classes', 'road; tree', '--device', 'cpu', *args),
        folder=folder,
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
    done = _run(tmp_path, '--size', '140')
    assert done.status == 0, done.err[-2000:]
    # The packages below may print lines of their own before.
    printed = done.out.splitlines()
    start = [line.endswith('windows of 64') for line in printed].index(True)
    head, _, *lines = printed[start:]
    assert '140 x 140 pixels' in head
    assert [int(line.split()[0]) for line in lines] == [0, 8, 16, 32]
    for line in lines:
        contrast, agreement = map(float, line.split()[1:3])
        assert contrast > 0
        assert 0 < agreement <= 100
    small = _run(tmp_path, '--size', '100')
    assert small.status == 1
    assert 'at least two windows' in small.err.splitlines()[-1]
