# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Training steps in bfloat16 on the CPU."""

import math
from collections.abc import Callable

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from aeroseg.models import AerOSeg

SCHEDULE = 'configs/_base_/schedules/adamw_cosine.py'


def batch() -> dict[str, list]:
    label = torch.randint(2, (1, 64, 64))
    sample = SegDataSample(gt_sem_seg=PixelData(data=label))
    image = torch.randint(256, (3, 64, 64), dtype=torch.uint8)
    return {'inputs': [image, image.flip(1)], 'data_samples': [sample] * 2}


def test_two_steps(build_tiny: Callable[..., AerOSeg], root: object) -> None:
    init_default_scope('mmseg')
    model = build_tiny().train()
    config = Config.fromfile(f'{root}/{SCHEDULE}').optim_wrapper
    config.type = 'AutocastOptimWrapper'
    wrapper = build_optim_wrapper(model, config)
    seen: list[torch.dtype] = []
    model.neck.register_forward_hook(
        lambda module, given, out: seen.append(out.dtype)
    )
    before = model.neck.embed.weight.detach().clone()
    for _ in range(2):
        log = model.train_step(batch(), wrapper)
        assert math.isfinite(log['loss'])
    assert seen == [torch.bfloat16] * 2
    assert not before.equal(model.neck.embed.weight)
    assert all(p.dtype is torch.float32 for p in model.parameters())
    state = wrapper.optimizer.state.values()
    assert all(s['exp_avg'].dtype is torch.float32 for s in state)
    assert not torch.is_autocast_enabled('cpu')
