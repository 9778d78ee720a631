# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from aeroseg.models.necks.neighbourhood import (
    neighbour_products,
    weighted_neighbours,
)

SIZES = [(16, 8), (13, 21), (7, 6)]


def shifted(maps: Tensor, side: int) -> Tensor:
    """Plain form: every neighbour as a shifted map, (B, D * D, C, H, W)."""
    height, width = maps.shape[2:]
    padded = F.pad(maps, (side // 2,) * 4, mode='reflect')
    return torch.stack(
        [
            padded[:, :, i : i + height, j : j + width]
            for i in range(side)
            for j in range(side)
        ],
        dim=1,
    )


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('side', [1, 3, 7, 11])
def test_sums_equal_the_plain_form(size: tuple[int, int], side: int) -> None:
    source = torch.randn(2, 5, *size, dtype=torch.float64)
    weights = torch.randn(2, side**2, *size, dtype=torch.float64)
    expected = (shifted(source, side) * weights[:, :, None]).sum(dim=1)
    found = weighted_neighbours(source, weights)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('side', [1, 3, 7, 11])
def test_products_equal_the_plain_form(
    size: tuple[int, int], side: int
) -> None:
    maps = torch.randn(2, 5, *size, dtype=torch.float64)
    expected = (shifted(maps, side) * maps[:, None]).sum(dim=2)
    found = neighbour_products(maps, side)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_neighbours_are_a_square() -> None:
    with pytest.raises(ValueError, match='square of odd side'):
        weighted_neighbours(torch.rand(1, 1, 8, 8), torch.rand(1, 4, 8, 8))
