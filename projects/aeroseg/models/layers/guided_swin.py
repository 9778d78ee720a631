# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Spatial refinement: Swin blocks guided by image features (eq. 5)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention_windows import AttentionWindows
from .feed_forward import add_to, feed_forward


class GuidedWindowAttention(nn.Module):
    """Attention in windows; query and key see the guidance, value does not.

    q and k of [x ; guidance] are W_x x + W_g guidance: the guidance part is
    computed once per image, not once per class.

    Args:
        dim (int): Width of x.
        guidance_dim (int): Width of the guidance.
        num_heads (int): Heads.
    """

    def __init__(self, dim: int, guidance_dim: int, num_heads: int) -> None:
        super().__init__()
        self.dim = dim
        self.num_heads = num_heads
        self.q = nn.Linear(dim + guidance_dim, dim)
        self.k = nn.Linear(dim + guidance_dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(
        self, x: Tensor, guidance: Tensor, windows: AttentionWindows
    ) -> Tensor:
        """Attend within attention windows.

        Args:
            x (Tensor): (B, T, h', w', D), arranged into attention
                windows.
            guidance (Tensor): (B, h', w', G), arranged the same way.
            windows (AttentionWindows): How the grid is cut.

        Returns:
            Tensor: (B, T, h', w', D).
        """
        dim, shape = self.dim, x.shape
        weight = torch.cat(
            [self.q.weight[:, :dim], self.k.weight[:, :dim], self.v.weight]
        )
        qk_guidance = F.linear(
            guidance,
            torch.cat([self.q.weight[:, dim:], self.k.weight[:, dim:]]),
            torch.cat([self.q.bias, self.k.bias]),
        )
        bias = F.pad(self.v.bias, (2 * dim, 0))
        qk, v = F.linear(x, weight, bias).split([2 * dim, dim], dim=-1)
        qk = add_to(qk, qk_guidance[:, None])
        q, k, v = (
            windows.split_heads(part.flatten(0, 1), self.num_heads)
            for part in (*qk.chunk(2, dim=-1), v)
        )
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=windows.mask(q)
        )
        return self.proj(windows.merge_heads(out, self.num_heads)).view(shape)


class GuidedSwinBlock(nn.Module):
    """Pre-norm transformer block with guided window attention.

    Args:
        dim (int): Width of x.
        guidance_dim (int): Width of the guidance.
        num_heads (int): Heads.
        window_size (int): Cells per side of an attention window.
        shift_size (int): Cyclic shift in cells.
    """

    def __init__(
        self,
        dim: int,
        guidance_dim: int,
        num_heads: int,
        window_size: int,
        shift_size: int,
    ) -> None:
        super().__init__()
        self.window_size = window_size
        self.shift_size = shift_size
        self.norm1 = nn.LayerNorm(dim)
        self.attn = GuidedWindowAttention(dim, guidance_dim, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """Refine: x (B, T, h, w, D), guidance (B, h, w, G) -> as x."""
        grid = (x.shape[2], x.shape[3])
        windows = AttentionWindows.fit(grid, self.window_size, self.shift_size)
        y = windows.arrange(self.norm1(x).flatten(0, 1))
        y = self.attn(
            y.unflatten(0, x.shape[:2]), windows.arrange(guidance), windows
        )
        x = add_to(windows.restore(y.flatten(0, 1)).view_as(x), x)
        return add_to(feed_forward(self.norm2(x), *self.mlp), x)


class GuidedSwinPair(nn.Module):
    """A block on attention windows and one on shifted ones, class by class.

    Args:
        dim (int): Width of x.
        guidance_dim (int): Width of the guidance.
        num_heads (int): Heads.
        window_size (int): Cells per side of an attention window; the shift
            is half of it.
    """

    def __init__(
        self, dim: int, guidance_dim: int, num_heads: int, window_size: int
    ) -> None:
        super().__init__()
        self.guidance_norm = nn.LayerNorm(guidance_dim)
        self.blocks = nn.ModuleList(
            GuidedSwinBlock(dim, guidance_dim, num_heads, window_size, shift)
            for shift in (0, window_size // 2)
        )

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """Refine: x (B, T, h, w, D), guidance (B, h, w, G) -> as x."""
        guidance = self.guidance_norm(guidance)
        for block in self.blocks:
            x = block(x, guidance)
        return x
