# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The perceptron of a transformer block and the sum that follows it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from aeroseg.acceleration import is_recorded

_STEEPNESS = 1.702  # of OpenAI's QuickGELU, x sigmoid(1.702 x)
# glibc hands blocks above 32 MiB back to the system when they are freed, and
# touching fresh pages takes longer than the arithmetic.
_PART_BYTES = 24 * 2**20


def feed_forward(
    x: Tensor, first: nn.Linear, activation: nn.Module, second: nn.Linear
) -> Tensor:
    """Compute ``second(activation(first(x)))`` with few passes over memory.

    QuickGELU, three passes over the hidden layer, is swish in other units,
    x sigmoid(a x) = swish(a x) / a, which is one: a goes into the input and
    the bias, 1 / a into the output. In training that leaves one tensor of the
    hidden width to keep, not two. Without gradients, many rows are computed in
    parts.

    Args:
        x (Tensor): (..., K).
        first (nn.Linear): K -> hidden.
        activation (nn.Module): GELU, ReLU, QuickGELU or anything else that
            works element by element.
        second (nn.Linear): hidden -> N.

    Returns:
        Tensor: (..., N).
    """
    rows = x.reshape(-1, x.shape[-1])
    out = [
        _both_layers(part, first, activation, second)
        for part in _in_parts(rows, first)
    ]
    joined = out[0] if len(out) == 1 else torch.cat(out)
    return joined.view(*x.shape[:-1], -1)


def _both_layers(
    x: Tensor, first: nn.Linear, activation: nn.Module, second: nn.Linear
) -> Tensor:
    if not isinstance(activation, QuickGELU):
        return second(activation(first(x)))
    bias = _STEEPNESS * first.bias
    hidden = F.linear(_STEEPNESS * x, first.weight, bias)
    hidden = F.silu(hidden, inplace=not is_recorded())
    out = F.linear(hidden, second.weight, _STEEPNESS * second.bias)
    return out / _STEEPNESS


def _in_parts(rows: Tensor, first: nn.Linear) -> Sequence[Tensor]:
    """The rows, in parts that keep the hidden layer of each small."""
    if is_recorded() or rows.device.type != 'cpu':
        return (rows,)
    size = len(rows) * first.out_features * rows.element_size()
    parts = max(1, -(-size // _PART_BYTES))
    return rows.split(max(1, -(-len(rows) // parts)))


def add_to(fresh: Tensor, other: Tensor) -> Tensor:
    """The residual sum, ``fresh + other``, in place where that is allowed.

    Without gradients, the sum is written into ``fresh``. Where one is half
    precision and the other is not, it is converted first: PyTorch's sum of
    two types on the CPU is several times slower.

    Args:
        fresh (Tensor): A tensor that is not used again; may be
            overwritten.
        other (Tensor): Of a shape that broadcasts to that of ``fresh``.

    Returns:
        Tensor: The sum, of the wider type.
    """
    dtype = torch.promote_types(fresh.dtype, other.dtype)
    fresh, other = fresh.to(dtype), other.to(dtype)
    if is_recorded():
        return fresh + other
    return fresh.add_(other)
