# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The perceptron against its modules, called one after the other."""

import pytest
import torch
from open_clip.transformer import QuickGELU
from torch import nn

from aeroseg.models.layers import feed_forward as module
from aeroseg.models.layers.feed_forward import add_to, feed_forward

ACTIVATIONS = [
    nn.GELU(), nn.ReLU(), QuickGELU(), nn.GELU(approximate='tanh'), nn.Tanh(),
]  # fmt: skip


def make(activation: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(8, 32), activation, nn.Linear(32, 6))


@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_equals_the_modules(activation: nn.Module) -> None:
    layers = make(activation).double()
    x = torch.randn(2, 50, 8, dtype=torch.double, requires_grad=True)
    expected = layers(x)
    actual = feed_forward(x, *layers)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    wanted = [x, *layers.parameters()]
    cotangent = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(actual, wanted, cotangent),
        torch.autograd.grad(expected, wanted, cotangent),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize('activation', ACTIVATIONS)
@torch.no_grad()
def test_parts_are_joined(
    activation: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = make(activation)
    x = torch.randn(3, 100, 8)
    whole = feed_forward(x, *layers)
    monkeypatch.setattr(module, '_PART_BYTES', 32 * 4 * 70)
    parts = module._in_parts(x.flatten(0, 1), layers[0])
    assert len(parts[0]) == 60
    torch.testing.assert_close(feed_forward(x, *layers), whole)
    torch.testing.assert_close(layers(x), whole, rtol=1e-5, atol=1e-5)


def test_quick_gelu_keeps_one_hidden_tensor() -> None:
    """As many as GELU, though its own module keeps two."""

    def kept(run: nn.Module, layers: nn.Sequential) -> int:
        sizes = []
        x = torch.randn(100, 8, requires_grad=True)
        layers.requires_grad_(False)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()), lambda _: None
        ):
            run(x)
        return sum(size == 3200 for size in sizes)

    layers = make(QuickGELU())
    assert kept(lambda x: feed_forward(x, *layers), layers) == 1
    assert kept(layers, layers) >= 2


def test_without_gradients_the_memory_is_that_of_the_first() -> None:
    fresh, other = torch.ones(2, 3), torch.full((3,), 2.0)
    with torch.no_grad():
        out = add_to(fresh, other)
    assert out.data_ptr() == fresh.data_ptr()
    assert out.eq(3).all()
    assert other.eq(2).all()


def test_with_gradients_nothing_is_overwritten() -> None:
    fresh, other = torch.ones(2, requires_grad=True), torch.ones(2)
    out = add_to(fresh, other)
    assert fresh.eq(1).all()
    out.sum().backward()
    assert fresh.grad is not None


def test_the_wider_type_wins() -> None:
    narrow, wide = torch.ones(2).bfloat16(), torch.full((2,), 1e-4)
    with torch.no_grad():
        for out in (add_to(narrow, wide), add_to(wide.clone(), narrow)):
            torch.testing.assert_close(out, torch.full((2,), 1.0001))
