# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The pull of each loss is measured without a change of training."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from aeroseg.engine import GradientNormHook
from aeroseg.engine.hooks.gradient_norm_hook import gradient_norms
from aeroseg.models import AerOSeg


def batch() -> dict[str, Any]:
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo={'img_path': 'tile.png'})
        label = torch.randint(0, 2, (1, 64, 64))
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    images = [torch.randint(0, 255, (3, 64, 64)).byte() for _ in range(2)]
    return {'inputs': images, 'data_samples': samples}


def test_norms_are_those_of_a_backward_pass_per_loss(
    build_tiny: Callable[..., AerOSeg],
) -> None:
    model, data = build_tiny().train(), batch()
    found = gradient_norms(model, data)
    assert set(found) == {'decode.loss_bce', 'aux.loss_sem'}
    gradients: dict[str, dict[str, torch.Tensor]] = {}
    for name in found:
        model.zero_grad()
        inputs = model.data_preprocessor(data, True)
        model(**inputs, mode='loss')[name].backward()
        gradients[name] = {
            key: weight.grad.double().clone()
            for key, weight in model.named_parameters()
            if weight.grad is not None
        }
    both = set.intersection(*map(set, gradients.values()))
    # The heads belong to one loss each; the neck to both.
    assert any(key.startswith('neck.') for key in both)
    assert not any('head.' in key for key in both)
    for name, norm in found.items():
        squares = [gradients[name][key].square().sum() for key in both]
        assert norm == pytest.approx(float(sum(squares)) ** 0.5, rel=1e-5)


class Counting(nn.Module):
    """A model with batch norm, dropout and a loss that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout())
        self.data_preprocessor = lambda data, training: data

    def forward(self, inputs: torch.Tensor, mode: str) -> dict:
        values = self.layers(inputs)
        return {
            'loss_a': values.square().mean(),
            'loss_b': [values.mean(), 2 * values.mean()],
            'loss_fixed': inputs.mean(),
            'acc': values.mean(),
        }


def test_random_state_buffers_and_gradients_stay(monkeypatch: Any) -> None:
    model = Counting()
    hub = MessageHub('gradient-norms')
    weights = model.parameters()
    runner = SimpleNamespace(
        model=model,
        message_hub=hub,
        iter=9,
        optim_wrapper=OptimWrapper(torch.optim.SGD(weights, lr=1)),
    )
    state = torch.get_rng_state()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    data = {'inputs': torch.randn(8, 3, generator=torch.Generator())}
    GradientNormHook(interval=10).before_train_iter(runner, 9, data)
    assert torch.equal(state, torch.get_rng_state())
    assert all(weight.grad is None for weight in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert set(hub.log_scalars) == {
        'train/grad_norm/loss_a',
        'train/grad_norm/loss_b',
    }
    runner.iter = 10
    hub.log_scalars.clear()
    GradientNormHook(interval=10).before_train_iter(runner, 10, data)
    assert not hub.log_scalars


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match='must be at least 1'):
        GradientNormHook(interval=0)
