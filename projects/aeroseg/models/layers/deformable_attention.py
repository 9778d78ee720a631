# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Multi-scale deformable attention in plain PyTorch, and its positions."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Grid = tuple[int, int]


class MultiScaleDeformableAttention(nn.Module):
    """Each token looks at a few places of every level (arXiv:2010.04159).

    What mmcv computes with a compiled op is here one ``grid_sample`` per
    level: bilinear, zeros outside, the exact fallback of mmcv. Parameters
    have mmcv's names.

    Args:
        embed_dims (int): C, width of the tokens.
        num_heads (int): Heads.
        num_levels (int): Levels.
        num_points (int): Places per head and level.

    Raises:
        ValueError: If the heads do not divide the width.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        num_heads: int = 8,
        num_levels: int = 3,
        num_points: int = 4,
    ) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise ValueError(
                f'embed_dims={embed_dims}, num_heads={num_heads}: the width '
                'must be a multiple of the heads'
            )
        self.shape = (num_heads, num_levels, num_points)
        places = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(embed_dims, 2 * places)
        self.attention_weights = nn.Linear(embed_dims, places)
        self.value_proj = nn.Linear(embed_dims, embed_dims)
        self.output_proj = nn.Linear(embed_dims, embed_dims)
        self._init_weights()

    def _init_weights(self) -> None:
        """Heads look into different directions, points ever further."""
        heads, levels, points = self.shape
        angle = torch.arange(heads) * (2 * math.pi / heads)
        way = torch.stack([angle.cos(), angle.sin()], dim=-1)
        way = way / way.abs().amax(dim=-1, keepdim=True)
        steps = torch.arange(1, points + 1).view(1, 1, points, 1)
        offsets = way.view(heads, 1, 1, 2) * steps
        offsets = offsets.expand(heads, levels, points, 2)
        for layer in (self.sampling_offsets, self.attention_weights):
            nn.init.zeros_(layer.weight)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(offsets.flatten())
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, query: Tensor, value: Tensor, grids: Sequence[Grid]
    ) -> Tensor:
        """Attend.

        Args:
            query (Tensor): Tokens of all levels with their positions,
                (B, L, C); L is the sum of h w over the levels.
            value (Tensor): The tokens without positions, (B, L, C).
            grids (Sequence[tuple[int, int]]): Cells (h, w) of each level.

        Returns:
            Tensor: (B, L, C).
        """
        heads, levels, points = self.shape
        values = self.value_proj(value).unflatten(-1, (heads, -1))
        offsets = self.sampling_offsets(query)
        offsets = offsets.unflatten(-1, (heads, levels, points, 2))
        sizes = offsets.new_tensor([(w, h) for h, w in grids])
        centres = cell_centres(grids, offsets.device).to(offsets.dtype)
        places = centres[:, None, None, None]
        places = places + offsets / sizes[:, None, :]
        weights = self.attention_weights(query).unflatten(-1, (heads, -1))
        weights = weights.softmax(dim=-1).unflatten(-1, (levels, points))
        return self.output_proj(sample_levels(values, grids, places, weights))


def sample_levels(
    values: Tensor,
    grids: Sequence[Grid],
    places: Tensor,
    weights: Tensor,
) -> Tensor:
    """Weighted sums of bilinear values at places of several maps.

    Args:
        values (Tensor): Maps one after another, (B, L, heads, c).
        grids (Sequence[tuple[int, int]]): Cells (h, w) of each map.
        places (Tensor): x and y, 0 to 1 from edge to edge,
            (B, N, heads, levels, points, 2).
        weights (Tensor): (B, N, heads, levels, points).

    Returns:
        Tensor: (B, N, heads * c).
    """
    parts = values.split([h * w for h, w in grids], dim=1)
    total = values.new_zeros(())
    for level, (part, grid) in enumerate(zip(parts, grids, strict=True)):
        maps = part.permute(0, 2, 3, 1).flatten(0, 1).unflatten(2, grid)
        where = places[:, :, :, level].transpose(1, 2).flatten(0, 1)
        found = F.grid_sample(maps, 2 * where - 1, align_corners=False)
        share = weights[:, :, :, level].transpose(1, 2).flatten(0, 1)
        total = total + torch.einsum('xcnp,xnp->xnc', found, share)
    heads = values.shape[2]
    return total.unflatten(0, (-1, heads)).transpose(1, 2).flatten(2)


def cell_centres(grids: Sequence[Grid], device: torch.device) -> Tensor:
    """Middles of the cells of all levels, x and y from 0 to 1, (L, 2)."""
    centres = []
    for height, width in grids:
        y = (torch.arange(height, device=device) + 0.5) / height
        x = (torch.arange(width, device=device) + 0.5) / width
        rows, columns = torch.meshgrid(y, x, indexing='ij')
        centres.append(torch.stack([columns, rows], dim=-1).flatten(0, 1))
    return torch.cat(centres)


def sine_positions(
    grid: Grid, channels: int, device: torch.device | None = None
) -> Tensor:
    """Sines and cosines of a cell's place, as DETR has them.

    Args:
        grid (tuple[int, int]): Cells (h, w).
        channels (int): Half for y and half for x; a multiple of 4.
        device (torch.device, optional): Where to make them.

    Returns:
        Tensor: (channels, h, w).
    """
    half = channels // 2
    exponent = torch.arange(half, device=device) // 2 * 2 / half
    parts = []
    for side in grid:
        place = torch.arange(1, side + 1, device=device) / (side + 1e-6)
        angle = 2 * math.pi * place[:, None] / 10000**exponent
        pairs = angle[:, ::2].sin(), angle[:, 1::2].cos()
        parts.append(torch.stack(pairs, dim=-1).flatten(1))
    rows = parts[0][:, None].expand(*grid, half)
    columns = parts[1][None].expand(*grid, half)
    return torch.cat([rows, columns], dim=-1).permute(2, 0, 1)
