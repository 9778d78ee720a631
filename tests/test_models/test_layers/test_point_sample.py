# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Sampling at points, against the formula written out."""

import importlib

import pytest
import torch
from torch import Tensor

from aeroseg.models.layers.point_sample import (
    fill_point_sample,
    point_sample,
)


def plain(maps: Tensor, points: Tensor, align_corners: bool) -> Tensor:
    """The four neighbours of each point by their weights; zero outside."""
    number, channels, height, width = maps.shape
    out = maps.new_zeros(number, channels, points.shape[1])
    for n in range(number):
        for p, (x, y) in enumerate(points[n].tolist()):
            if align_corners:
                column, row = x * (width - 1), y * (height - 1)
            else:
                column, row = x * width - 0.5, y * height - 0.5
            left, top = int(column // 1), int(row // 1)
            for i in (top, top + 1):
                for j in (left, left + 1):
                    if 0 <= i < height and 0 <= j < width:
                        weight = (1 - abs(row - i)) * (1 - abs(column - j))
                        out[n, :, p] += weight * maps[n, :, i, j]
    return out


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('size', [(1, 1), (3, 5), (16, 7)])
def test_it_is_the_bilinear_formula(
    size: tuple[int, int], align_corners: bool
) -> None:
    maps = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    points = torch.rand(2, 40, 2, dtype=torch.float64)
    points[:, :4] = torch.tensor([[0, 0], [1, 1], [0, 1], [0.5, 0.5]])
    found = point_sample(maps, points, align_corners)
    expected = plain(maps, points, align_corners)
    assert torch.allclose(found, expected, atol=1e-12)
    seed = torch.randn_like(found)
    (mine,) = torch.autograd.grad(found, maps, seed)
    (theirs,) = torch.autograd.grad(expected, maps, seed)
    assert torch.allclose(mine, theirs, atol=1e-12)


def test_a_grid_of_points_keeps_its_shape() -> None:
    maps = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    points = torch.rand(2, 4, 5, 2, dtype=torch.float64)
    found = point_sample(maps, points)
    assert found.shape == (2, 3, 4, 5)
    listed = point_sample(maps, points.flatten(1, 2))
    assert torch.equal(found.flatten(2), listed)


def test_mmseg_finds_it_where_mmcv_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    head = importlib.import_module('mmseg.models.decode_heads.san_head')
    masks = importlib.import_module('mmseg.utils.mask_classification')
    monkeypatch.setattr(head, 'point_sample', None)
    monkeypatch.setattr(masks, 'point_sample', len)  # stands for mmcv's
    fill_point_sample()
    assert head.point_sample is point_sample
    assert head.get_uncertain_point_coords_with_randomness is not None
    assert masks.point_sample is len
