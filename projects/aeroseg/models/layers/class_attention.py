# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Class refinement: linear attention over the classes of a cell (eq. 6)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .feed_forward import add_to, feed_forward

_EPS = 1e-6


class GuidedLinearAttention(nn.Module):
    """Linear attention over classes; query and key see the text guidance.

    The feature map is elu + 1 (Katharopoulos et al., 2020). As in
    the spatial refinement, the guidance part of q and k is computed once: per
    class, not per cell.

    Args:
        dim (int): Width of x.
        guidance_dim (int): Width of the guidance; 0 for none.
        num_heads (int): Heads.
    """

    def __init__(self, dim: int, guidance_dim: int, num_heads: int) -> None:
        super().__init__()
        self.dim = dim
        self.num_heads = num_heads
        self.q = nn.Linear(dim + guidance_dim, dim)
        self.k = nn.Linear(dim + guidance_dim, dim)
        self.v = nn.Linear(dim, dim)

    def summarise(self, x: Tensor, guidance: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over all classes: of K V^T and of K.

        Args:
            x (Tensor): (B, T, N, D) for N cells.
            guidance (Tensor): (T, G).

        Returns:
            tuple[Tensor, Tensor]: (B, N, heads, d, d) and (B, N, heads, d).
        """
        k = self._features(self.k, x, guidance)
        v = self._split(self.v(x))
        return torch.einsum('btnhd,btnhe->bnhde', k, v), k.sum(dim=1)

    def query(
        self,
        x: Tensor,
        guidance: Tensor,
        summary: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Attend to a summary of classes: (B, T, N, D) -> (B, T, N, D)."""
        q = self._features(self.q, x, guidance)
        values, keys = summary
        norm = torch.einsum('btnhd,bnhd->btnh', q, keys) + _EPS
        out = torch.einsum('btnhd,bnhde->btnhe', q, values)
        return (out / norm[..., None]).flatten(-2)

    def _features(
        self, layer: nn.Linear, x: Tensor, guidance: Tensor
    ) -> Tensor:
        if layer.in_features == self.dim:  # no guidance
            return F.elu(self._split(layer(x))).add_(1)
        of_x = F.linear(x, layer.weight[:, : self.dim])
        of_guidance = F.linear(
            guidance, layer.weight[:, self.dim :], layer.bias
        )
        both = add_to(of_x, of_guidance[:, None])
        return F.elu(self._split(both)).add_(1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1))


class ClassRefinement(nn.Module):
    """Lets the classes of a cell attend to each other.

    As published, the attention always runs over at least ``num_slots``
    classes: empty slots hold one learned token, so that few training and many
    test classes give similar sums. All such tokens are equal, so one is
    computed and weighted with their number. The refined stream,
    identity included, is added to the input, as published.

    Args:
        dim (int): Width of x.
        guidance_dim (int): Width of the text guidance; 0 for none.
        num_heads (int): Heads.
        pool_train (int): Average pooling of the cells while training.
        pool_test (int): The same in evaluation.
        num_slots (int): Classes to fill up to; 0 for none.
    """

    def __init__(
        self,
        dim: int,
        guidance_dim: int,
        num_heads: int,
        pool_train: int,
        pool_test: int,
        num_slots: int,
    ) -> None:
        super().__init__()
        self.pool_train = pool_train
        self.pool_test = pool_test
        self.num_slots = num_slots
        self.norm1 = nn.LayerNorm(dim)
        self.attn = GuidedLinearAttention(dim, guidance_dim, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim)
        )
        if num_slots:
            self.padding_token = nn.Parameter(torch.zeros(dim))
            self.padding_guidance = nn.Parameter(torch.zeros(guidance_dim))

    def forward(self, x: Tensor, guidance: Tensor, chunk: int = 0) -> Tensor:
        """Refine all classes together.

        Args:
            x (Tensor): (B, T, h, w, D).
            guidance (Tensor): Text guidance, (T, G).
            chunk (int): Classes per pass, to bound memory; 0 for all. With a
                chunk, x is overwritten by the result.

        Returns:
            Tensor: (B, T, h, w, D).
        """
        if not chunk or x.shape[1] <= chunk:
            pooled = self._pool(x)
            y = self.norm1(pooled)
            summary = self._with_slots(
                self.attn.summarise(y, guidance), x.shape[1]
            )
            return add_to(self._update(x, pooled, y, guidance, summary), x)
        parts = list(
            zip(x.split(chunk, 1), guidance.split(chunk), strict=True)
        )
        sums: list[Any] = [0, 0]
        for part, text in parts:
            more = self.attn.summarise(self.norm1(self._pool(part)), text)
            sums = [total + new for total, new in zip(sums, more, strict=True)]
        summary = self._with_slots((sums[0], sums[1]), x.shape[1])
        for part, text in parts:
            pooled = self._pool(part)
            normed = self.norm1(pooled)
            part += self._update(part, pooled, normed, text, summary)
        return x

    def _with_slots(
        self, summary: tuple[Tensor, Tensor], num_classes: int
    ) -> tuple[Tensor, Tensor]:
        """Add the equal tokens of the empty slots."""
        if not self.num_slots:
            return summary
        empty = torch.sym_max(self.num_slots - num_classes, 0)
        token = self.norm1(self.padding_token).view(1, 1, 1, -1)
        values, keys = self.attn.summarise(token, self.padding_guidance[None])
        return summary[0] + empty * values, summary[1] + empty * keys

    def _pool(self, x: Tensor) -> Tensor:
        """(B, T, h, w, D) -> pooled cells (B, T, n, D)."""
        pool = self._factor(x)
        if pool == 1:
            return x.flatten(2, 3)
        maps = x.flatten(0, 1).permute(0, 3, 1, 2)
        maps = F.avg_pool2d(maps, pool).permute(0, 2, 3, 1)
        return maps.unflatten(0, x.shape[:2]).flatten(2, 3)

    def _factor(self, x: Tensor) -> int:
        pool = self.pool_train if self.training else self.pool_test
        return min(pool, x.shape[2], x.shape[3])

    def _update(
        self,
        x: Tensor,
        pooled: Tensor,
        normed: Tensor,
        guidance: Tensor,
        summary: tuple[Tensor, Tensor],
    ) -> Tensor:
        """The refined stream, back on the full grid, (B, T, h, w, D)."""
        y = add_to(self.attn.query(normed, guidance, summary), pooled)
        y = add_to(feed_forward(self.norm2(y), *self.mlp), y)
        pool = self._factor(x)
        if pool == 1:
            return y.view_as(x)
        grid = (x.shape[2] // pool, x.shape[3] // pool)
        maps = y.flatten(0, 1).unflatten(1, grid).permute(0, 3, 1, 2)
        maps = F.interpolate(
            maps, x.shape[2:4], mode='bilinear', align_corners=True
        )
        return maps.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])
