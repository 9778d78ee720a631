# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The converter of published checkpoints, as a command."""

from pathlib import Path

import numpy as np
import torch
from tool_process import run_tool

from aeroseg.checkpoints.read import read_weights

TOOL = 'tools/model_converters/catseg_to_aeroseg.py'


def test_a_checkpoint_of_detectron2(tmp_path: Path) -> None:
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
    done = run_tool(TOOL, tmp_path / 'in.pth', tmp_path / 'out.pth')
    assert done.status == 0, done.err
    assert 'wrote 1 tensors' in done.out
    state = read_weights(tmp_path / 'out.pth')
    assert torch.equal(state['neck.embed.weight'], weight)


def test_another_model(tmp_path: Path) -> None:
    torch.save({'model': {'fc.weight': torch.ones(1)}}, tmp_path / 'in.pth')
    done = run_tool(TOOL, tmp_path / 'in.pth', tmp_path / 'out.pth')
    assert done.status == 1
    assert "in.pth: 'fc.weight' is no tensor of CAT-Seg, OVRS" in done.err
    assert not (tmp_path / 'out.pth').exists()
