# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Mask2Former's decoder with a feature per query instead of classes."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..layers.deformable_attention import sine_positions
from .mask_query_head import MaskQueryHead


class _DecoderLayer(nn.Module):
    """Attention to the masked map, among the queries, perceptron."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.cross = nn.MultiheadAttention(width, heads, batch_first=True)
        self.self_attention = nn.MultiheadAttention(
            width, heads, batch_first=True
        )
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(
        self,
        x: Tensor,
        place: Tensor,
        memory: Tensor,
        positions: Tensor,
        closed: Tensor,
    ) -> Tensor:
        """(B, Q, C) queries, (B, L, C) memory, (B heads, Q, L) mask."""
        found, _ = self.cross(
            x + place,
            memory + positions,
            memory,
            attn_mask=closed,
            need_weights=False,
        )
        x = self.norms[0](x + found)
        found, _ = self.self_attention(
            x + place, x + place, x, need_weights=False
        )
        x = self.norms[1](x + found)
        return self.norms[2](x + self.mlp(x))


@MODELS.register_module()
class MaskedAttentionHead(MaskQueryHead):
    """The decoder of Mask2Former (arXiv:2112.01527) for open vocabularies.

    Each layer attends only to where its query's last mask is. Matching and
    losses: :class:`MaskQueryHead`, with a prediction before the first layer
    and after each.

    Args:
        embed_dims (int): Width, that of the pixel decoder.
        mask_dims (int): Channels of the mask features.
        num_levels (int): Levels of the pixel decoder.
        feature_dims (int): D, width of the feature per query.
        num_queries (int): Q, mask proposals.
        num_layers (int): Layers; they take the levels in turn.
        num_heads (int): Heads of the attention.
        hidden_dims (int): Width inside the perceptrons.
        feature_hidden_dims (int): Width inside the perceptron that makes
            the features.
        loss_weights (tuple[float, float, float]): See
            :class:`MaskQueryHead`.
        no_object (float): As above.
        num_points (int): As above.
        init_cfg (dict, optional): mmengine initialisation.
    """

    def __init__(
        self,
        embed_dims: int,
        mask_dims: int,
        num_levels: int,
        feature_dims: int,
        num_queries: int = 100,
        num_layers: int = 9,
        num_heads: int = 8,
        hidden_dims: int = 2048,
        feature_hidden_dims: int = 1024,
        loss_weights: tuple[float, float, float] = (2.0, 5.0, 5.0),
        no_object: float = 0.1,
        num_points: int = 12544,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            embed_dims,
            num_queries,
            range(num_layers),
            loss_weights,
            no_object,
            num_points,
            init_cfg,
        )
        self.num_heads = num_heads
        self.query_feat = nn.Embedding(num_queries, embed_dims)
        self.query_embed = nn.Embedding(num_queries, embed_dims)
        self.level_embed = nn.Embedding(num_levels, embed_dims)
        self.layers = nn.ModuleList(
            _DecoderLayer(embed_dims, num_heads, hidden_dims)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(embed_dims)
        self.mask_embed = _perceptron(
            (embed_dims, embed_dims, embed_dims, mask_dims)
        )
        self.feature_embed = _perceptron(
            (embed_dims, feature_hidden_dims, feature_dims)
        )
        for layer in self.layers:
            for weight in layer.parameters():
                if weight.dim() > 1:
                    nn.init.xavier_uniform_(weight)

    def init_weights(self) -> None:
        """The layers are initialised when they are built."""

    def forward(
        self, mask_features: Tensor, levels: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Propose masks and say what they show.

        Args:
            mask_features (Tensor): (B, mask_dims, h, w).
            levels (Sequence[Tensor]): Coarsest first, (B, C, h_i, w_i).

        Returns:
            tuple[list[Tensor], list[Tensor]]: Before the first layer and
            after each: features (B, Q, D) and mask logits (B, Q, h, w).
        """
        batch = len(mask_features)
        memories, positions = zip(*map(self._memory, range(len(levels)),
                                       levels), strict=True)  # fmt: skip
        place = self.query_embed.weight.expand(batch, -1, -1)
        x = self.query_feat.weight.expand(batch, -1, -1)
        features, masks = [], []
        for index in range(len(self.layers) + 1):
            feature, mask = self._predict(x, mask_features)
            features.append(feature)
            masks.append(mask)
            if index < len(self.layers):
                at = index % len(levels)
                closed = self._closed(mask, levels[at])
                x = self.layers[index](
                    x, place, memories[at], positions[at], closed
                )
        return features, masks

    def _memory(self, index: int, level: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of a level, (B, L, C), and their positions, (L, C)."""
        grid = (level.shape[2], level.shape[3])
        tokens = level.flatten(2).transpose(1, 2)
        sines = sine_positions(grid, level.shape[1], level.device)
        tokens = tokens + self.level_embed.weight[index]
        return tokens, sines.flatten(1).T.to(tokens.dtype)

    def _predict(self, x: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norm(x)
        masks = torch.einsum('bqc,bchw->bqhw', self.mask_embed(x), pixels)
        return self.feature_embed(x), masks

    def _closed(self, masks: Tensor, level: Tensor) -> Tensor:
        """Where a query must not look, (B heads, Q, L).

        A query whose mask is empty at this level looks everywhere.
        """
        small = F.interpolate(
            masks.detach(),
            level.shape[2:],
            mode='bilinear',
            align_corners=False,
        )
        closed = small.sigmoid().flatten(2) < 0.5
        closed = closed & ~closed.all(dim=-1, keepdim=True)
        return closed.repeat_interleave(self.num_heads, dim=0)


def _perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
