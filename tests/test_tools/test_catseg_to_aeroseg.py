# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The converter of published checkpoints, as a command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from aeroseg.checkpoints.read import read_weights

TOOL = 'tools/model_converters/catseg_to_aeroseg.py'


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, TOOL, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_checkpoint_of_detectron2(root: Path, tmp_path: Path) -> None:
    """Tensors or arrays under 'model', as detectron2 writes them."""
    weight = torch.randn(128, 4, 7, 7)
    content = {
        'model': {
            'sem_seg_head.predictor.transformer.conv1.weight': weight,
            'sem_seg_head.predictor.clip_model.logit_scale': np.float64(1),
        },
        'iteration': 7,
    }
    torch.save(content, tmp_path / 'in.pth')
    done = run(root, str(tmp_path / 'in.pth'), str(tmp_path / 'out.pth'))
    assert done.returncode == 0, done.stderr
    assert 'wrote 1 tensors' in done.stdout
    state = read_weights(tmp_path / 'out.pth')
    assert torch.equal(state['neck.embed.weight'], weight)


def test_another_model(root: Path, tmp_path: Path) -> None:
    torch.save({'model': {'fc.weight': torch.ones(1)}}, tmp_path / 'in.pth')
    done = run(root, str(tmp_path / 'in.pth'), str(tmp_path / 'out.pth'))
    assert done.returncode == 1
    assert "error: 'fc.weight' is no tensor of CAT-Seg, OVRS" in done.stderr
    assert not (tmp_path / 'out.pth').exists()
