# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Linear layers of any model at the speed of the CPU's vector units.

PyTorch computes a float32 linear layer on the CPU with MKL, which uses only
AVX2 on processors of other makers than Intel: on an AMD EPYC that is less
than half of what AVX-512 can do. oneDNN uses AVX-512 everywhere. Inside
:func:`accelerated`, every ``torch.nn.functional.linear`` on such a processor
is computed by oneDNN, whatever the model::

    with accelerated():
        model(images)

Like ``torch.autocast``, it changes nothing in the model, so models are written
in plain torch. Training and testing switch it on through ``AccelerationHook``,
``aeroseg.apis.Predictor`` by itself; the field ``accelerate = False`` of a
config turns it off for both.

oneDNN is called through an operator of its own, ``aeroseg::linear``, because
torch.compile cannot compile oneDNN's operator outside of its own passes, and
without it would return to MKL; see docs/notes/performance.md for the figures.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_FEW_ROWS = 64  # below it, arranging the weight costs more than it saves
_torch_linear = F.linear
_lock = threading.Lock()
_entered = 0  # contexts that are open, in all threads


@contextmanager
def accelerated(enabled: bool = True) -> Iterator[None]:
    """A context in which linear layers on the CPU are computed by oneDNN.

    Inside it, ``torch.nn.functional.linear`` is another function, for the
    whole process. (A ``TorchFunctionMode`` would act on one thread, but
    PyTorch suspends it in the backward pass, where activations may be
    recomputed, and inside ``nn.MultiheadAttention``.) Where oneDNN does not
    help (no AVX-512, other devices, float64) PyTorch computes as always.
    Results differ from PyTorch's by rounding.

    Args:
        enabled (bool): False gives a context that does nothing.
    """
    if not (enabled and _helps()):
        yield
        return
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def is_recorded() -> bool:
    """Whether operations are recorded, for gradients or for an export.

    Models then compute all classes at once and change nothing in place; else
    they work in parts, to save memory and time.
    """
    return torch.is_grad_enabled() or is_exporting()


def is_exporting() -> bool:
    """Whether torch.export traces the model; torch before 2.7 cannot tell."""
    known = getattr(torch.compiler, 'is_exporting', None)
    return known is not None and known()


def _count(change: int) -> None:
    """Replace the function while any context is open."""
    global _entered
    with _lock:
        _entered += change
        F.linear = _linear if _entered else _torch_linear


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """``torch.nn.functional.linear``, by oneDNN where that is faster."""
    dtype = _onednn_dtype(input, weight)
    records = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad
        for tensor in (input, weight, bias)
    )
    if dtype is None or (records and dtype is not torch.float32):
        return _torch_linear(input, weight, bias)
    if bias is not None:
        bias = bias.to(dtype)
    return _onednn_linear(input.to(dtype), weight.to(dtype), bias)


def _onednn_dtype(x: Tensor, weight: Tensor) -> torch.dtype | None:
    """The precision in which oneDNN is known to beat PyTorch's choice."""
    few = x.dim() < 2 or x.numel() < _FEW_ROWS * x.shape[-1]
    if few or x.device.type != 'cpu' or weight.device.type != 'cpu':
        return None
    dtype = x.dtype
    if torch.is_autocast_enabled('cpu') and dtype is not torch.double:
        dtype = torch.get_autocast_dtype('cpu')
    elif dtype != weight.dtype:
        return None  # PyTorch says what is wrong
    known = torch.float32, torch.bfloat16
    return dtype if dtype in known else None


def _helps() -> bool:
    """Whether oneDNN is there and the processor has AVX-512."""
    capability = torch.backends.cpu.get_cpu_capability()
    return torch.backends.mkldnn.is_available() and capability == 'AVX512'


@torch.library.custom_op('aeroseg::linear', mutates_args=())
def _onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The layer by oneDNN; all of one type, float32 or bfloat16.

    Of a weight with gaps or transposed, oneDNN would compute slowly.
    """
    return torch.ops.mkldnn._linear_pointwise(
        x.contiguous(), weight.contiguous(), bias, 'none', [], ''
    )


@_onednn_linear.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[0])


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    """Keep the input only where the weight is trained."""
    x, weight, _ = inputs
    ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, weight)


def _gradients(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Gradients of the input, the weight and the bias."""
    x, weight = ctx.saved_tensors
    of_x, of_weight, of_bias = ctx.needs_input_grad
    rows = grad.flatten(0, -2)
    return (
        _linear(grad, weight.T) if of_x else None,
        _linear(rows.T, x.flatten(0, -2).T) if of_weight else None,
        rows.sum(dim=0) if of_bias else None,
    )


_onednn_linear.register_autograd(_gradients, setup_context=_keep)
