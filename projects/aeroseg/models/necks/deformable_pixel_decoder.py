# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Mask2Former's pixel decoder, without a compiled op."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..layers.deformable_attention import (
    Grid,
    MultiScaleDeformableAttention,
    sine_positions,
)


class _EncoderLayer(nn.Module):
    """Deformable attention over all levels, then a perceptron; post-norm."""

    def __init__(
        self, width: int, heads: int, levels: int, points: int, hidden: int
    ) -> None:
        super().__init__()
        self.attention = MultiScaleDeformableAttention(
            width, heads, levels, points
        )
        self.norm1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width)
        )
        self.norm2 = nn.LayerNorm(width)
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)

    def forward(
        self, x: Tensor, positions: Tensor, grids: Sequence[Grid]
    ) -> Tensor:
        x = self.norm1(x + self.attention(x + positions, x, grids))
        return self.norm2(x + self.mlp(x))


@MODELS.register_module()
class DeformablePixelDecoder(BaseModule):
    """The pixel decoder of Mask2Former (arXiv:2112.01527).

    The three coarser stages of the backbone exchange information by
    deformable attention; the finest one joins by one step of a feature
    pyramid.

    Args:
        in_channels (Sequence[int]): Of the backbone's stages, finest first.
        embed_dims (int): Width.
        mask_dims (int): Channels of the mask features.
        num_layers (int): Layers of attention.
        num_heads (int): Heads of it.
        num_points (int): Places per head and level.
        hidden_dims (int): Width inside the perceptrons.
        num_groups (int): Groups of the normalisations.
        init_cfg (dict, optional): mmengine initialisation.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        embed_dims: int = 256,
        mask_dims: int = 256,
        num_layers: int = 6,
        num_heads: int = 8,
        num_points: int = 4,
        hidden_dims: int = 1024,
        num_groups: int = 32,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embed_dims = embed_dims
        self.mask_dims = mask_dims
        finest, *coarser = in_channels
        self.num_levels = len(coarser)
        self.inputs = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, embed_dims, 1),
                nn.GroupNorm(num_groups, embed_dims),
            )
            for channels in reversed(coarser)
        )
        self.level_embed = nn.Embedding(self.num_levels, embed_dims)
        self.layers = nn.ModuleList(
            _EncoderLayer(
                embed_dims,
                num_heads,
                self.num_levels,
                num_points,
                hidden_dims,
            )
            for _ in range(num_layers)
        )
        self.lateral = nn.Sequential(
            nn.Conv2d(finest, embed_dims, 1, bias=False),
            nn.GroupNorm(num_groups, embed_dims),
        )
        self.output = nn.Sequential(
            nn.Conv2d(embed_dims, embed_dims, 3, padding=1, bias=False),
            nn.GroupNorm(num_groups, embed_dims),
            nn.ReLU(),
        )
        self.mask_features = nn.Conv2d(embed_dims, mask_dims, 1)
        self._init_own()

    def _init_own(self) -> None:
        nn.init.normal_(self.level_embed.weight)
        for part in (self.inputs, self.lateral, self.output):
            for module in part.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.xavier_uniform_(module.weight)

    def forward(self, stages: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Decode.

        Args:
            stages (Sequence[Tensor]): Of the backbone, finest first,
                (B, C_i, h_i, w_i) each.

        Returns:
            tuple[Tensor, list[Tensor]]: Mask features, (B, mask_dims, h, w)
            at the finest stage; and the coarser levels, coarsest first,
            (B, embed_dims, h_i, w_i).
        """
        finest, *coarser = stages
        maps = [
            layer(stage)
            for layer, stage in zip(self.inputs, coarser[::-1], strict=True)
        ]
        grids = [(m.shape[2], m.shape[3]) for m in maps]
        x = torch.cat([m.flatten(2).transpose(1, 2) for m in maps], dim=1)
        positions = self._positions(grids, x)
        for layer in self.layers:
            x = layer(x, positions, grids)
        parts = x.split([h * w for h, w in grids], dim=1)
        levels = [
            part.transpose(1, 2).unflatten(2, grid)
            for part, grid in zip(parts, grids, strict=True)
        ]
        fine = self.lateral(finest)
        size = fine.shape[2:]
        fine = fine + F.interpolate(
            levels[-1], size, mode='bilinear', align_corners=False
        )
        return self.mask_features(self.output(fine)), levels

    def _positions(self, grids: Sequence[Grid], x: Tensor) -> Tensor:
        """Sines plus the embedding of the level, (L, embed_dims)."""
        parts = [
            sine_positions(grid, self.embed_dims, x.device).flatten(1).T + row
            for grid, row in zip(grids, self.level_embed.weight, strict=True)
        ]
        return torch.cat(parts).to(x.dtype)
