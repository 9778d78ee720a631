# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Sums that take no memory of their own where no gradient is recorded."""

import torch
from torch import Tensor


def add_to(fresh: Tensor, other: Tensor) -> Tensor:
    """``fresh + other``, in the memory of the first where that is possible.

    Where one is half precision and the other is not, it is converted first:
    PyTorch's sum of two types on the CPU is several times slower.

    Args:
        fresh (Tensor): A tensor that nobody else needs.
        other (Tensor): Of a shape that broadcasts to that of ``fresh``.

    Returns:
        Tensor: The sum, of the wider type.
    """
    dtype = torch.promote_types(fresh.dtype, other.dtype)
    fresh, other = fresh.to(dtype), other.to(dtype)
    if torch.is_grad_enabled():
        return fresh + other
    return fresh.add_(other)
