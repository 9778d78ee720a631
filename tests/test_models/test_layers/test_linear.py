# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/layers/linear.py."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aeroseg.models.layers import linear as module
from aeroseg.models.layers.linear import Linear, accelerate, linear


@pytest.mark.parametrize('shape', [(100, 6), (1, 99, 6), (2, 3, 40, 6)])
@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('trained', [True, False])
def test_equals_torch_with_gradients(
    shape: tuple[int, ...], bias: bool, trained: bool
) -> None:
    x = torch.randn(shape, requires_grad=True)
    weight = torch.randn(5, 6, requires_grad=trained)
    offset = torch.randn(5, requires_grad=True) if bias else None
    given = [t for t in (x, weight, offset) if t is not None]
    exact = [t.detach().double().requires_grad_() for t in given]
    expected = F.linear(*exact)
    actual = linear(x, weight, offset)
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=1e-5)
    cotangent = torch.randn_like(actual)
    actual.backward(cotangent)
    expected.backward(cotangent.double())
    for ours, theirs in zip(given, exact, strict=True):
        if not ours.requires_grad:
            continue
        assert ours.grad is not None
        torch.testing.assert_close(
            ours.grad.double(), theirs.grad, rtol=1e-5, atol=1e-4
        )


def test_gradient_of_a_sum() -> None:
    """It comes as one number that stands for all."""
    x = torch.randn(100, 6, requires_grad=True)
    weight = torch.randn(5, 6)
    linear(x, weight).sum().backward()
    torch.testing.assert_close(x.grad, weight.sum(0).expand(100, -1))


def test_takes_tokens_that_are_not_contiguous() -> None:
    weight = torch.randn(5, 6)
    for x in (torch.randn(2, 6, 70).mT, torch.randn(1, 6).expand(70, 6)):
        torch.testing.assert_close(
            linear(x, weight), F.linear(x, weight), rtol=1e-5, atol=1e-5
        )


def test_a_frozen_weight_keeps_no_input() -> None:
    sizes: list[int] = []
    x = torch.randn(100, 8, requires_grad=True)
    for trained in (False, True):
        weight = torch.randn(6, 8, requires_grad=trained)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()), lambda _: None
        ):
            linear(x, weight)
    assert sorted(sizes) == [48, 48, 800]


def test_float32_is_as_exact_as_torch() -> None:
    x, weight = torch.randn(600, 512), torch.randn(256, 512) / 512**0.5
    exact = F.linear(x.double(), weight.double())
    assert (linear(x, weight) - exact).abs().max() < 2e-5


@pytest.mark.parametrize(
    ('rows', 'width', 'kwargs'),
    [
        (4, 8, {}),
        (100, 8, {'dtype': torch.double}),
        (100, 8, {'device': 'meta'}),
    ],
)
def test_leaves_the_rest_to_torch(
    rows: int, width: int, kwargs: dict[str, Any]
) -> None:
    x = torch.empty(rows, width, **kwargs)
    weight = torch.empty(3, width, **kwargs)
    assert linear(x, weight).shape == (rows, 3)
    assert module._onednn_dtype(x, weight) is None


PLAIN = {
    'none': lambda x: x,
    'relu': F.relu,
    'gelu': F.gelu,
    'swish': F.silu,
}


@pytest.mark.parametrize('activation', list(PLAIN))
@pytest.mark.parametrize('records', [True, False])
def test_activations(activation: str, records: bool) -> None:
    x, weight = torch.randn(100, 64), torch.randn(96, 64)[:, :64] / 8
    bias = torch.randn(96)
    expected = PLAIN[activation](
        F.linear(x.double(), weight.double(), bias.double())
    )
    with torch.set_grad_enabled(records):
        out = linear(x, weight.requires_grad_(), bias, activation)
    assert out.requires_grad == records
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)


def test_takes_a_slice_of_a_weight() -> None:
    x, weight, bias = torch.randn(100, 8), torch.randn(6, 20), torch.ones(6)
    for part in (weight[:, :8], weight[:, 12:]):
        torch.testing.assert_close(
            linear(x, part, bias), F.linear(x, part, bias), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize('records', [True, False])
def test_autocast(records: bool) -> None:
    x, weight = torch.randn(100, 8), torch.randn(3, 8)
    weight.requires_grad_(records)
    with torch.autocast('cpu', torch.bfloat16):
        out = linear(x, weight)
    assert out.dtype is torch.bfloat16
    assert out.requires_grad == records
    expected = F.linear(x, weight)
    assert (out - expected).norm() < 0.01 * expected.norm()


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
