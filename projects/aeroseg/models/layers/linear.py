# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Linear layers at the speed of the CPU's vector units.

PyTorch computes a float32 linear layer on the CPU with MKL, which uses only
AVX2 on processors of other makers than its own: on an AMD EPYC that is less
than half of what AVX-512 can do. Convolutions go to oneDNN, which uses
AVX-512 everywhere. Tokens (M, K), cut in two halves along K, lie in memory
exactly as a channels-last image of 1 x 2M pixels with K / 2 channels; a
convolution with a kernel and a stride of 1 x 2 over it is the linear layer.
Nothing is copied. (A kernel of 1 x 1 would be handed to MKL again.)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FEW_ROWS = 64  # below it, arranging the weight costs more than it saves


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a linear layer; the same as ``torch.nn.functional.linear``.

    Args:
        x (Tensor): (..., K).
        weight (Tensor): (N, K).
        bias (Tensor | None): (N,).

    Returns:
        Tensor: (..., N).
    """
    if not _convolution_is_faster(x, weight):
        return F.linear(x, weight, bias)
    halves = (2, x.shape[-1] // 2)
    image = x.reshape(1, 1, -1, halves[1]).permute(0, 3, 1, 2)
    kernel = weight.view(-1, 1, *halves).permute(0, 3, 1, 2)
    out = F.conv2d(image, kernel, bias, stride=(1, 2))
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)


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
    for child in module.modules():
        if type(child) is nn.Linear:
            child.__class__ = Linear


def _convolution_is_faster(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is known to beat what PyTorch would choose."""
    return (
        x.device.type == 'cpu'
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled('cpu')
        and not torch.compiler.is_compiling()
        and x.shape[-1] % 2 == 0
        and x.numel() >= _FEW_ROWS * x.shape[-1]
        and weight.is_contiguous()
        and torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == 'AVX512'
    )
