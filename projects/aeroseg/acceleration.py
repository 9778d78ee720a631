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
without it would return to MKL; see docs/performance.md for the figures.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FEW_ROWS = 64  # below it, arranging the weight costs more than it saves


def accelerated(enabled: bool = True) -> AbstractContextManager[Any]:
    """A context in which linear layers on the CPU are computed by oneDNN.

    It acts on the thread that enters it, in forward and backward passes,
    under torch.compile as well. Where oneDNN does not help (no AVX-512, other
    devices, float64) PyTorch computes as always. Results differ from
    PyTorch's by rounding. The layers inside ``nn.MultiheadAttention`` stay
    PyTorch's.

    Args:
        enabled (bool): False gives a context that does nothing.
    """
    return _LinearByOneDNN() if enabled and _helps() else nullcontext()


class _LinearByOneDNN(TorchFunctionMode):
    """Replaces calls of ``torch.nn.functional.linear``."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call the function, or ours in its place."""
        kwargs = kwargs or {}
        if func is F.linear:
            return _linear(*args, **kwargs)
        if func is Tensor.backward:
            # PyTorch suspends the mode during a call; layers that are
            # recomputed in the backward pass need it.
            with self:
                return _backward(*args, **kwargs)
        return func(*args, **kwargs)


def _backward(
    tensor: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """``Tensor.backward``, which a mode does not see."""
    torch.autograd.backward(
        tensor, gradient, retain_graph, create_graph, inputs=inputs
    )


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """``torch.nn.functional.linear``, by oneDNN where that is faster."""
    dtype = _onednn_dtype(input, weight)
    records = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad
        for tensor in (input, weight, bias)
    )
    if dtype is None or (records and dtype is not torch.float32):
        return F.linear(input, weight, bias)
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
