# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Presets for GPUs of several sizes."""

from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from read_once import ROOT, read_once

from aeroseg.engine.memory_preset import apply_memory_preset

PRESETS = ('8gb', '12gb', '24gb', '80gb')
CONFIGS = (
    'aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py',
    'ablations/aeroseg_vit-b16_sam-l-tuned_1xb4-10k_isaid-384x384.py',
    'baselines/ovrs_vit-b16_1xb4-80k_isaid-384x384.py',
    'baselines/sed_convnext-b_1xb4-80k_isaid-768x768.py',
    'aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py',
)


def preset_of(name: str) -> Path:
    return ROOT / 'configs/_base_/memory' / f'{name}.py'


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.parametrize('preset', PRESETS)
def test_the_batch_stays(preset: str, name: str) -> None:
    before = read_once(f'configs/{name}')
    config = read_once(f'configs/{name}')
    path = preset_of(preset)
    apply_memory_preset(config, path)
    parts = config.optim_wrapper.get('accumulative_counts', 1)
    batch = before.train_dataloader.batch_size
    assert config.train_dataloader.batch_size * parts == batch
    assert config.train_dataloader.batch_size == min(
        batch, read_once(path).images_at_once
    )
    updates = before.train_cfg.max_iters
    assert config.train_cfg.max_iters == updates * parts
    assert config.param_scheduler.T_max == updates * parts
    interval = before.train_cfg.val_interval
    assert config.train_cfg.val_interval == interval * parts
    assert 'images_at_once' not in config


@pytest.mark.parametrize(
    ('preset', 'name'),
    [
        *(('8gb', name) for name in CONFIGS),
        *((preset, CONFIGS[0]) for preset in PRESETS[1:]),
    ],
)
def test_it_builds(preset: str, name: str) -> None:
    init_default_scope('mmseg')
    config = read_once(f'configs/{name}')
    apply_memory_preset(config, preset_of(preset))
    with torch.device('meta'):
        model = MODELS.build(config.model)
    build_optim_wrapper(model, config.optim_wrapper)
    tuned = 'tuned' in name
    if 'sam' in name:
        expected = torch.float32 if tuned else torch.bfloat16
        assert (
            model.guidance_encoder.encoder.blocks[0].mlp.lin1.weight.dtype
            is expected
        )


def test_a_batch_that_cannot_be_split() -> None:
    config = read_once(f'configs/{CONFIGS[0]}')
    config.train_dataloader.batch_size = 3
    with pytest.raises(ValueError, match='a batch of 3'):
        apply_memory_preset(config, preset_of('12gb'))


def test_an_unknown_preset() -> None:
    config = read_once(f'configs/{CONFIGS[0]}')
    with pytest.raises(FileNotFoundError, match='12gb, 24gb, 80gb, 8gb'):
        apply_memory_preset(config, preset_of('7gb'))
