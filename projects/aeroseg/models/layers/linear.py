# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Linear layers at the speed of the CPU's vector units.

PyTorch computes a float32 linear layer on the CPU with MKL, which uses only
AVX2 on processors of other makers than its own: on an AMD EPYC that is less
than half of what AVX-512 can do. oneDNN uses AVX-512 everywhere. Here it is
called by the operator that torch.compile's CPU code calls. That operator takes
an activation along, so that the result goes through memory once, and knows no
gradient; :class:`_Linear` gives it one.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_FEW_ROWS = 64  # below it, arranging the weight costs more than it saves
_ACTIVATIONS = {
    'none': lambda x: x,
    'relu': F.relu,
    'gelu': F.gelu,
    'swish': F.silu,
}


def linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    activation: str = 'none',
) -> Tensor:
    """Apply a linear layer; the same as ``torch.nn.functional.linear``.

    Args:
        x (Tensor): (..., K).
        weight (Tensor): (N, K).
        bias (Tensor | None): (N,).
        activation (str): What follows: 'none', 'relu', 'gelu' (exact) or
            'swish' (x sigmoid(x)).

    Returns:
        Tensor: (..., N).
    """
    dtype = _onednn_dtype(x, weight)
    if dtype is None:
        return _ACTIVATIONS[activation](F.linear(x, weight, bias))
    if not _records_gradients(x, weight, bias):
        return _fused(x, weight, bias, activation, dtype)
    single = dtype is x.dtype is torch.float32
    layer = _Linear.apply if single else F.linear
    return _ACTIVATIONS[activation](layer(x, weight, bias))


class Linear(nn.Linear):
    """``nn.Linear`` computed by :func:`linear`."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer: (..., K) -> (..., N)."""
        return linear(x, self.weight, self.bias)


def accelerate(module: nn.Module) -> None:
    """Turn every plain ``nn.Linear`` inside a module into a ``Linear``.

    Parameters and names stay what they are.

    Args:
        module (nn.Module): Changed in place.
    """
    plain = nn.Linear, nn.modules.linear.NonDynamicallyQuantizableLinear
    for child in module.modules():
        if type(child) in plain:
            child.__class__ = Linear


def _fused(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    activation: str,
    dtype: torch.dtype,
) -> Tensor:
    """Layer and activation by oneDNN's operator, which has no gradient.

    Of a weight with gaps or transposed, oneDNN would compute slowly.
    """
    return torch.ops.mkldnn._linear_pointwise(
        x.to(dtype).contiguous(),
        weight.to(dtype).contiguous(),
        None if bias is None else bias.to(dtype),
        activation,
        [],
        'none' if activation == 'gelu' else '',  # no approximation
    )


class _Linear(torch.autograd.Function):
    """The layer with gradients, products of matrices that oneDNN computes.

    The input is kept only where the weight is trained.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Apply the layer."""
        kept = x if ctx.needs_input_grad[1] else None
        ctx.save_for_backward(kept, weight)
        return _fused(x, weight, bias, 'none', torch.float32)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the input, the weight and the bias."""
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        grad = grad.contiguous()
        rows = grad.flatten(0, -2)
        return (
            linear(grad, weight.T) if of_x else None,
            linear(rows.T, x.flatten(0, -2).T) if of_weight else None,
            rows.sum(dim=0) if of_bias else None,
        )


def _records_gradients(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in tensors
    )


def _onednn_dtype(x: Tensor, weight: Tensor) -> torch.dtype | None:
    """The precision in which oneDNN is known to beat PyTorch's choice."""
    if (
        x.device.type != 'cpu'
        or torch.compiler.is_compiling()
        or x.numel() < _FEW_ROWS * x.shape[-1]
        or not torch.backends.mkldnn.is_available()
        or torch.backends.cpu.get_cpu_capability() != 'AVX512'
    ):
        return None
    dtype = x.dtype
    if torch.is_autocast_enabled('cpu') and dtype is not torch.double:
        dtype = torch.get_autocast_dtype('cpu')
    elif dtype != weight.dtype:
        return None  # PyTorch says what is wrong
    known = torch.float32, torch.bfloat16
    return dtype if dtype in known else None
