# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The refinement layers of CAT-Seg and OVRS as published."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn


class WindowAttention(nn.Module):
    """Attention in windows; q and k see the guidance, v does not."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads
        self.q = nn.Linear(2 * dim, dim)
        self.k = nn.Linear(2 * dim, dim)
        self.v = nn.Linear(dim, dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(windows, cells, 2 D) -> (windows, cells, D)."""
        split = 'n l (h d) -> n h l d'
        q = rearrange(self.q(x), split, h=self.heads)
        k = rearrange(self.k(x), split, h=self.heads)
        v = rearrange(self.v(x[..., : self.dim]), split, h=self.heads)
        weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        if mask is not None:
            weights = rearrange(
                weights, '(b m) h i j -> b m h i j', m=len(mask)
            )
            weights = (weights + mask[:, None]).flatten(0, 1)
        out = weights.softmax(-1) @ v
        return self.proj(rearrange(out, 'n h l d -> n l (h d)'))


class SwinBlock(nn.Module):
    """A Swin block over one grid, shifted or not."""

    attn_mask: Tensor | None

    def __init__(
        self, dim: int, heads: int, grid: int, window: int, shift: int
    ) -> None:
        super().__init__()
        whole = grid <= window
        self.window, self.shift = (grid, 0) if whole else (window, shift)
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(dim, 4 * dim)
        self.mlp.fc2 = nn.Linear(4 * dim, dim)
        self.register_buffer('attn_mask', self._mask(grid))

    def _mask(self, grid: int) -> Tensor | None:
        """-100 between cells that the shift brought together."""
        if not self.shift:
            return None
        bands = torch.zeros(grid)
        bands[-self.window :] = 1
        bands[-self.shift :] = 2
        regions = self._windows(
            (3 * bands[:, None] + bands)[None, ..., None]
        ).squeeze(-1)
        return (regions[:, None] != regions[..., None]).float() * -100.0

    def _windows(self, x: Tensor) -> Tensor:
        return rearrange(
            x,
            'n (a i) (b j) c -> (n a b) (i j) c',
            i=self.window,
            j=self.window,
        )

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """(N, h, w, D) with (N, h, w, D) of guidance -> (N, h, w, D)."""
        rows, columns = x.shape[1:3]
        y = torch.cat([self.norm1(x), guidance], dim=-1)
        y = y.roll((-self.shift, -self.shift), (1, 2))
        y = self.attn(self._windows(y), self.attn_mask)
        y = rearrange(
            y,
            '(n a b) (i j) c -> n (a i) (b j) c',
            a=rows // self.window,
            b=columns // self.window,
            i=self.window,
        )
        x = x + y.roll((self.shift, self.shift), (1, 2))
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x))))


class SwinPair(nn.Module):
    """Plain and shifted windows, guided by one normalised map."""

    def __init__(self, dim: int, heads: int, grid: int, window: int) -> None:
        super().__init__()
        self.block_1 = SwinBlock(dim, heads, grid, window, 0)
        self.block_2 = SwinBlock(dim, heads, grid, window, window // 2)
        self.guidance_norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """(B, D, T, h, w) with guidance (B, D, h, w)."""
        classes = x.shape[2]
        y = rearrange(x, 'b c t h w -> (b t) h w c')
        guidance = self.guidance_norm(
            repeat(guidance, 'b c h w -> (b t) h w c', t=classes)
        )
        y = self.block_2(self.block_1(y, guidance), guidance)
        return rearrange(y, '(b t) h w c -> b c t h w', t=classes)


class LinearAttention(nn.Module):
    """Attention over classes with the feature map elu + 1."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(2 * dim, dim)
        self.k = nn.Linear(2 * dim, dim)
        self.v = nn.Linear(dim, dim)

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """(N, T, D) with guidance (N, T, D) -> (N, T, D)."""
        both = torch.cat([x, guidance], dim=-1)
        split = 'n t (h d) -> n t h d'
        q = rearrange(self.q(both), split, h=self.heads)
        k = rearrange(self.k(both), split, h=self.heads)
        v = rearrange(self.v(x), split, h=self.heads)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        summed = torch.einsum('nshd,nshv->nhdv', k, v / v.shape[1])
        norm = 1 / (torch.einsum('nlhd,nhd->nlh', q, k.sum(1)) + 1e-6)
        out = torch.einsum('nlhd,nhdv,nlh->nlhv', q, summed, norm)
        return (out * v.shape[1]).flatten(2)


class ClassBlock(nn.Module):
    """Attention over classes on a pooled grid, padded to a fixed number."""

    def __init__(
        self, dim: int, heads: int, pooling: int, pad_len: int
    ) -> None:
        super().__init__()
        self.pooling, self.pad_len = pooling, pad_len
        self.norm1 = nn.LayerNorm(dim)
        self.attention = LinearAttention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.MLP = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim)
        )
        if pad_len:
            self.padding_tokens = nn.Parameter(torch.zeros(1, 1, dim))
            self.padding_guidance = nn.Parameter(torch.zeros(1, 1, dim))

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """(B, D, T, h, w) with guidance (B, T, D)."""
        batch, _, classes, height, width = x.shape
        y = F.avg_pool2d(
            rearrange(x, 'b c t h w -> (b t) c h w'), self.pooling
        )
        rows, columns = y.shape[-2:]
        y = rearrange(y, '(b t) c h w -> (b h w) t c', t=classes)
        if classes < self.pad_len:
            more = self.pad_len - classes
            y = torch.cat([y, self.padding_tokens.expand(len(y), more, -1)], 1)
            guidance = torch.cat(
                [guidance, self.padding_guidance.expand(batch, more, -1)], 1
            )
        guidance = repeat(guidance, 'b t c -> (b n) t c', n=rows * columns)
        y = y + self.attention(self.norm1(y), guidance)
        y = y + self.MLP(self.norm2(y))
        y = rearrange(y, '(b h w) t c -> (b t) c h w', h=rows, w=columns)
        y = F.interpolate(
            y, (height, width), mode='bilinear', align_corners=True
        )
        y = rearrange(y, '(b t) c h w -> b c t h w', b=batch)
        return x + y[:, :, :classes]


class Layer(nn.Module):
    """One refinement layer: over space, then over classes."""

    def __init__(
        self,
        dim: int,
        heads: int,
        grid: int,
        window: int,
        pooling: int,
        pad_len: int,
    ) -> None:
        super().__init__()
        self.swin_block = SwinPair(dim, heads, grid, window)
        self.attention = ClassBlock(dim, heads, pooling, pad_len)
