# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The two-layer perceptron of a transformer block."""

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from .linear import linear

_STEEPNESS = 1.702  # of OpenAI's QuickGELU, x sigmoid(1.702 x)
# glibc hands blocks above 32 MiB back to the system when they are freed, and
# touching fresh pages takes longer than the arithmetic.
_PART_BYTES = 24 * 2**20


def feed_forward(
    x: Tensor, first: nn.Linear, activation: nn.Module, second: nn.Linear
) -> Tensor:
    """Compute ``second(activation(first(x)))`` with few passes over memory.

    The activation is taken along by the first layer where that is possible.
    QuickGELU is swish in other units, x sigmoid(a x) = swish(a x) / a, so
    that it is, too: a goes into the input and the bias, 1 / a to the output.
    In training that leaves one tensor of the hidden width to keep, not two.
    Without gradients, many rows go through in parts.

    Args:
        x (Tensor): (..., K).
        first (nn.Linear): K -> hidden.
        activation (nn.Module): GELU, ReLU, QuickGELU or anything else.
        second (nn.Linear): hidden -> N.

    Returns:
        Tensor: (..., N).
    """
    name = _name(activation)
    if name is None:
        return second(activation(first(x)))
    rows = x.reshape(-1, x.shape[-1])
    out = [
        _both_layers(part, first, name, second)
        for part in rows.split(_rows_at_once(rows, first))
    ]
    joined = out[0] if len(out) == 1 else torch.cat(out)
    return joined.view(*x.shape[:-1], -1)


def _both_layers(
    x: Tensor, first: nn.Linear, name: str, second: nn.Linear
) -> Tensor:
    if name != 'quick_gelu':
        hidden = linear(x, first.weight, first.bias, name)
        return linear(hidden, second.weight, second.bias)
    bias = _STEEPNESS * first.bias
    hidden = linear(_STEEPNESS * x, first.weight, bias, 'swish')
    out = linear(hidden, second.weight, _STEEPNESS * second.bias)
    return out / _STEEPNESS


def _name(activation: nn.Module) -> str | None:
    """How :func:`linear` calls an activation, if it knows it."""
    if isinstance(activation, QuickGELU):
        return 'quick_gelu'
    if isinstance(activation, nn.ReLU):
        return 'relu'
    exact = getattr(activation, 'approximate', None) == 'none'
    return 'gelu' if isinstance(activation, nn.GELU) and exact else None


def _rows_at_once(rows: Tensor, first: nn.Linear) -> int:
    """How many rows keep the hidden layer of a part small."""
    if torch.is_grad_enabled() or rows.device.type != 'cpu':
        return max(1, len(rows))
    size = len(rows) * first.out_features * rows.element_size()
    parts = max(1, -(-size // _PART_BYTES))
    return max(1, -(-len(rows) // parts))
