# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Attention in the form that is fastest on the device."""

import torch
import torch.nn.functional as F
from torch import Tensor

_HALF = (torch.bfloat16, torch.float16)


def by_product(q: Tensor) -> bool:
    """Whether plain matrix products are faster than the fused kernel.

    They are on a CPU in half precision: oneDNN computes them, but not the
    fused kernel. With gradients they would keep all attention weights.

    Args:
        q (Tensor): Queries.
    """
    records = torch.is_grad_enabled() and q.requires_grad
    return q.device.type == 'cpu' and q.dtype in _HALF and not records


def attend(q: Tensor, k: Tensor, v: Tensor, is_causal: bool = False) -> Tensor:
    """``scaled_dot_product_attention``, in the faster form.

    Args:
        q (Tensor): (N, heads, L, d).
        k (Tensor): (N, heads, L, d).
        v (Tensor): (N, heads, L, d).
        is_causal (bool): Whether a token sees only those before it.

    Returns:
        Tensor: (N, heads, L, d).
    """
    if is_causal or not by_product(q):
        return F.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    scaled = q * q.shape[-1] ** -0.5
    parts = zip(scaled.split(1), k.split(1), v.split(1), strict=True)
    return torch.cat([product_attention(*part) for part in parts])


def product_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of scaled queries, all weights at once: (..., L, d)."""
    return (q @ k.transpose(-2, -1)).softmax(-1) @ v
