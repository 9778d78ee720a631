# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What training-free methods do in place of CLIP's last attention."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ..layers.attention import attend
from ..layers.split_attention import SplitAttention

# Which projections attend to which; the results are added.
ATTENTIONS: dict[str, tuple[str, ...]] = {
    'vanilla': ('qk',),  # CLIP's own
    'maskclip': (),  # each token takes its own value (ECCV 2022)
    'sclip': ('qq', 'kk'),  # ECCV 2024
    'clearclip': ('qq',),  # ECCV 2024
    'segearth': ('qq', 'kk', 'vv'),  # SegEarth-OV, CVPR 2025
}


def self_self_attention(
    attention: SplitAttention, x: Tensor, pairs: tuple[str, ...]
) -> Tensor:
    """Attention by chosen pairs of projections: ``sum S(a, b) v``.

    The weights of several pairs are added, not averaged, as published: with
    three pairs the rows add up to 3.

    Args:
        attention (SplitAttention): The layer whose weights are used.
        x (Tensor): Tokens after the first norm, (B, L, W).
        pairs (tuple[str, ...]): Such as ('qq', 'kk'); none means that each
            token takes its own value.

    Returns:
        Tensor: After the output projection, (B, L, W).
    """
    if not pairs:
        return attention.value_path(x)
    heads = {
        name: _project(attention, x, name)
        .unflatten(-1, (attention.num_heads, -1))
        .transpose(1, 2)
        for name in {*''.join(pairs), 'v'}
    }
    value = heads['v']
    parts = [attend(heads[p[0]], heads[p[1]], value) for p in pairs]
    summed = torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]
    return attention.out_proj(summed.transpose(1, 2).flatten(2))


def proxy_attention(
    attention: SplitAttention,
    x: Tensor,
    grid: tuple[int, int],
    weights: Tensor,
    size: tuple[int, int],
) -> Tensor:
    """Values of CLIP, averaged by the likeness of another model's features.

    Args:
        attention (SplitAttention): The layer whose values are used.
        x (Tensor): Patch tokens after the first norm, (B, h * w, W).
        grid (tuple[int, int]): (h, w).
        weights (Tensor): From :func:`proxy_weights`, (B, N, N), N = H * W.
        size (tuple[int, int]): Grid (H, W) of the other model.

    Returns:
        Tensor: After the output projection, (B, H * W, W).
    """
    value = _project(attention, x, 'v').transpose(1, 2).unflatten(2, grid)
    if size != grid:
        value = F.interpolate(
            value, size, mode='bilinear', align_corners=False
        )
    # The weights are the same for all heads, so the heads stay together.
    return attention.out_proj(weights @ value.flatten(2).transpose(1, 2))


def proxy_weights(
    proxy: Tensor, shift: float = 1.2, scale: float = 3.0
) -> Tensor:
    """Attention weights from features of another model (ProxyCLIP).

    ``A = scale * (cosine - shift * mean cosine)``; pairs below 0 are left
    out, the rest goes through a softmax. The mean is that of the image; where
    a row would be empty (an image of one colour), the cell keeps itself.

    Args:
        proxy (Tensor): Features, (B, C, H, W).
        shift (float): beta of the paper (ECCV 2024).
        scale (float): gamma of the paper.

    Returns:
        Tensor: (B, H * W, H * W); rows add up to 1.
    """
    unit = F.normalize(proxy.flatten(2), dim=1)
    cosine = unit.transpose(1, 2) @ unit
    mean = cosine.mean(dim=(1, 2), keepdim=True)
    scores = (cosine - shift * mean) * scale
    hidden = scores < 0
    itself = torch.eye(hidden.shape[-1], dtype=torch.bool, device=proxy.device)
    hidden &= ~(hidden.all(dim=-1, keepdim=True) & itself)
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-1)


def _project(attention: SplitAttention, x: Tensor, name: str) -> Tensor:
    """The 'q', 'k' or 'v' of some tokens, (B, L, W)."""
    weight = getattr(attention, f'{name}_proj_weight')
    bias = attention.in_proj_bias.chunk(3)['qkv'.index(name)]
    return F.linear(x, weight, bias)
