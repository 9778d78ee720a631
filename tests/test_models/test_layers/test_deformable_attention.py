# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Deformable attention equals sums written out by hand."""

import math

import pytest
import torch
from torch import Tensor

from aeroseg.models.layers.deformable_attention import (
    MultiScaleDeformableAttention,
    cell_centres,
    sample_levels,
    sine_positions,
)

GRIDS = ((3, 5), (4, 2))
LENGTH = 3 * 5 + 4 * 2


def bilinear(maps: Tensor, x: float, y: float) -> Tensor:
    """(c, h, w) at a place in 0..1 from edge to edge; zeros outside."""
    height, width = maps.shape[1:]
    column, row = x * width - 0.5, y * height - 0.5
    total = maps.new_zeros(len(maps))
    for i in (math.floor(row), math.floor(row) + 1):
        for j in (math.floor(column), math.floor(column) + 1):
            if 0 <= i < height and 0 <= j < width:
                share = (1 - abs(row - i)) * (1 - abs(column - j))
                total = total + share * maps[:, i, j]
    return total


def test_samples_are_the_bilinear_sums() -> None:
    torch.manual_seed(0)
    batch, queries, heads, points, width = 2, 3, 2, 4, 5
    values = torch.randn(batch, LENGTH, heads, width, dtype=torch.float64)
    shape = (batch, queries, heads, len(GRIDS), points)
    # Also outside of the maps.
    places = 1.6 * torch.rand(*shape, 2, dtype=torch.float64) - 0.3
    weights = torch.rand(shape, dtype=torch.float64)
    found = sample_levels(values, GRIDS, places, weights)
    parts = values.split([h * w for h, w in GRIDS], dim=1)
    for b in range(batch):
        for q in range(queries):
            for head in range(heads):
                expected = torch.zeros(width, dtype=torch.float64)
                for level, (part, grid) in enumerate(
                    zip(parts, GRIDS, strict=True)
                ):
                    maps = part[b, :, head].T.unflatten(1, grid)
                    for p in range(points):
                        at = places[b, q, head, level, p].tolist()
                        expected += weights[b, q, head, level, p] * bilinear(
                            maps, *at
                        )
                row = found[b, q].unflatten(0, (heads, -1))[head]
                torch.testing.assert_close(row, expected, atol=1e-12, rtol=0)


def test_it_is_the_fallback_of_mmcv() -> None:
    mmcv = pytest.importorskip('mmcv.ops.multi_scale_deform_attn')
    values = torch.randn(2, LENGTH, 2, 5)
    places = torch.rand(2, 7, 2, len(GRIDS), 3, 2)
    weights = torch.rand(2, 7, 2, len(GRIDS), 3)
    expected = mmcv.multi_scale_deformable_attn_pytorch(
        values, torch.tensor(GRIDS), places, weights
    )
    found = sample_levels(values, GRIDS, places, weights)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_new_layer_looks_in_all_directions_with_equal_weights() -> None:
    layer = MultiScaleDeformableAttention(16, 4, len(GRIDS), 3)
    x = torch.randn(2, LENGTH, 16)
    offsets = layer.sampling_offsets(x)[0, 0].view(4, len(GRIDS), 3, 2)
    steps = torch.tensor([1.0, 2.0, 3.0])
    assert torch.allclose(offsets[0, 0, :, 0], steps)  # to the right
    assert torch.allclose(offsets[1, 0, :, 1], steps)  # down
    assert torch.allclose(offsets[2, 1, :, 0], -steps)
    assert layer(x, x, GRIDS).shape == x.shape


def test_offsets_are_cells_of_each_level() -> None:
    """One cell to the right of the own place, on a map that holds x."""
    grid = (4, 6)
    layer = MultiScaleDeformableAttention(2, 1, 1, 1).double()
    with torch.no_grad():
        layer.sampling_offsets.bias.copy_(torch.tensor([1.0, 0.0]))
        for linear in (layer.value_proj, layer.output_proj):
            linear.weight.copy_(torch.eye(2))
    place = cell_centres([grid], torch.device('cpu')).double()[None]
    moved = layer(place, place, [grid])[0].unflatten(0, grid)
    inner = place[0].unflatten(0, grid)[:, 1:]
    torch.testing.assert_close(moved[:, :-1], inner, atol=1e-7, rtol=0)
    assert (moved[:, -1] == 0).all()  # outside


def test_gradients_are_those_of_the_function() -> None:
    torch.manual_seed(0)
    layer = MultiScaleDeformableAttention(4, 2, 1, 2).double()
    x = torch.randn(1, 6, 4, dtype=torch.float64, requires_grad=True)
    torch.nn.init.normal_(layer.sampling_offsets.weight, std=0.1)
    assert torch.autograd.gradcheck(lambda v: layer(v, v, [(2, 3)]), x)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match='embed_dims=10, num_heads=4'):
        MultiScaleDeformableAttention(10, 4)


def test_positions_are_sines_of_rows_and_columns() -> None:
    found = sine_positions((3, 5), 8)
    assert found.shape == (8, 3, 5)
    for row in range(3):
        for column in range(5):
            for start, at, side in ((0, row, 3), (4, column, 5)):
                angle = 2 * math.pi * (at + 1) / (side + 1e-6)
                expected = [
                    wave(angle / 10000 ** (k / 2))
                    for k in range(2)
                    for wave in (math.sin, math.cos)
                ]
                values = found[start : start + 4, row, column]
                assert torch.allclose(
                    values, torch.tensor(expected), atol=1e-5
                )
