# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/sam2_pretrained.py and its converter."""

from pathlib import Path

import pytest
import timm
import torch
from tool_process import run_tool
from torch import Tensor, nn

from aeroseg.models.guidance import SAM2Guidance

SMALL = {
    'embed_dim': 8,
    'stages': (1, 1, 1, 1),
    'num_heads': 1,
    'global_att_blocks': (2,),
}


@pytest.fixture
def hiera() -> nn.Module:
    model = timm.create_model('sam2_hiera_tiny', num_classes=0, **SMALL)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model


@pytest.fixture
def official(hiera: nn.Module, tmp_path: Path) -> Path:
    """A file with the key layout of the official checkpoints."""
    state = {
        'no_mem_embed': torch.zeros(1, 1, 8),
        'image_encoder.neck.convs.0.conv.weight': torch.zeros(8, 64, 1, 1),
        'sam_mask_decoder.iou_token.weight': torch.zeros(1, 8),
    }
    for name, value in hiera.state_dict().items():
        if name.startswith('head.'):
            continue
        name = name.replace('mlp.fc1', 'mlp.layers.0')
        name = name.replace('mlp.fc2', 'mlp.layers.1')
        state[f'image_encoder.trunk.{name}'] = value
    path = tmp_path / 'sam2.1_hiera_tiny.pt'
    torch.save({'model': state}, path)
    return path


def load(checkpoint: Path | str, model: dict = SMALL) -> SAM2Guidance:
    init_cfg = {'type': 'SAM2Pretrained', 'checkpoint': str(checkpoint)}
    encoder = SAM2Guidance(model, init_cfg=init_cfg)
    encoder.init_weights()
    return encoder


def check_equal(encoder: SAM2Guidance, state: dict[str, Tensor]) -> None:
    own = encoder.encoder.model.state_dict()
    assert len(own) > 20
    assert all(torch.equal(value, state[name]) for name, value in own.items())


def test_loads_the_official_layout(official: Path, hiera: nn.Module) -> None:
    check_equal(load(official), hiera.state_dict())


def test_loads_timms_layout(hiera: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / 'timm.pth'
    torch.save(hiera.state_dict(), path)
    check_equal(load(path), hiera.state_dict())


def test_converter(official: Path, hiera: nn.Module, tmp_path: Path) -> None:
    target = tmp_path / 'encoder.safetensors'
    done = run_tool('tools/model_converters/sam2_to_timm.py', official, target)
    assert done.status == 0, done.err
    check_equal(load(target), hiera.state_dict())


def test_says_what_does_not_fit(official: Path) -> None:
    with pytest.raises(ValueError, match='Choose the model'):
        load(official, {**SMALL, 'embed_dim': 16})
    with pytest.raises(ValueError, match=r'blocks\.3\.proj.* is unknown'):
        load(official, {**SMALL, 'stages': (1, 1, 2, 1)})


def test_says_when_it_is_no_sam2(tmp_path: Path) -> None:
    path = tmp_path / 'other.pt'
    torch.save({'model': {'weight': torch.zeros(1)}}, path)
    with pytest.raises(ValueError, match='holds no SAM 2 image encoder'):
        load(path)


def test_names_the_official_files_when_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        load(tmp_path / 'none.pt')
    assert '092824/sam2.1_hiera_base_plus.pt' in str(error.value)
