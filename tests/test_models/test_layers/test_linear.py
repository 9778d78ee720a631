# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/layers/linear.py."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aeroseg.models.layers import linear as module
from aeroseg.models.layers.linear import Linear, accelerate, linear


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the convolution whatever the machine."""
    monkeypatch.setattr(module, '_convolution_is_faster', lambda x, w: True)


@pytest.mark.usefixtures('always')
@pytest.mark.parametrize('shape', [(6,), (1, 6), (5, 6), (2, 3, 4, 6)])
@pytest.mark.parametrize('bias', [True, False])
def test_equals_torch(shape: tuple[int, ...], bias: bool) -> None:
    x = torch.randn(shape, dtype=torch.double)
    weight = torch.randn(5, 6, dtype=torch.double)
    offset = torch.randn(5, dtype=torch.double) if bias else None
    torch.testing.assert_close(
        linear(x, weight, offset), F.linear(x, weight, offset)
    )


@pytest.mark.usefixtures('always')
def test_takes_tokens_that_are_not_contiguous() -> None:
    x = torch.randn(2, 6, 7, dtype=torch.double).transpose(1, 2)
    weight = torch.randn(5, 6, dtype=torch.double)
    torch.testing.assert_close(linear(x, weight), F.linear(x, weight))


@pytest.mark.usefixtures('always')
def test_gradients() -> None:
    inputs = [
        torch.randn(shape, dtype=torch.double, requires_grad=True)
        for shape in ((3, 4), (5, 4), (5,))
    ]
    assert torch.autograd.gradcheck(linear, inputs)


def test_float32_is_as_exact_as_torch() -> None:
    x, weight = torch.randn(600, 512), torch.randn(256, 512) / 512**0.5
    exact = F.linear(x.double(), weight.double())
    assert (linear(x, weight) - exact).abs().max() < 2e-5


@pytest.mark.parametrize(
    ('rows', 'width', 'kwargs'),
    [
        (4, 8, {}),
        (100, 7, {}),
        (100, 8, {'dtype': torch.double}),
        (100, 8, {'device': 'meta'}),
    ],
)
def test_leaves_the_rest_to_torch(
    rows: int, width: int, kwargs: dict[str, Any]
) -> None:
    x = torch.empty(rows, width, **kwargs)
    weight = torch.empty(3, width, **kwargs)
    assert not module._convolution_is_faster(x, weight)
    assert linear(x, weight).shape == (rows, 3)


def test_autocast_is_left_to_torch() -> None:
    x, weight = torch.randn(100, 8), torch.randn(3, 8)
    with torch.autocast('cpu', torch.bfloat16):
        assert not module._convolution_is_faster(x, weight)
        assert linear(x, weight).dtype is torch.bfloat16


def test_accelerate_keeps_parameters_and_values() -> None:
    class Other(nn.Linear):
        pass

    net = nn.Sequential(nn.Linear(8, 6), nn.Sequential(Other(6, 4)))
    x = torch.randn(100, 8)
    before, state = net(x), dict(net.named_parameters())
    accelerate(net)
    assert type(net[0]) is Linear
    assert type(net[1][0]) is Other
    assert dict(net.named_parameters()).keys() == state.keys()
    assert all(p is state[name] for name, p in net.named_parameters())
    torch.testing.assert_close(net(x), before, rtol=1e-5, atol=1e-5)
