# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Attention windows on grids of any size."""

import pytest
import torch

from aeroseg.models.layers.attention_windows import AttentionWindows


@pytest.mark.parametrize('grid', [(24, 24), (5, 9), (13, 4), (1, 1), (30, 7)])
@pytest.mark.parametrize('shift', [0, 2])
def test_restore_undoes_arrange_and_merge_undoes_split(
    grid: tuple[int, int], shift: int
) -> None:
    windows = AttentionWindows.fit(grid, 4, shift)
    x = torch.randn(2, *grid, 6)
    arranged = windows.arrange(x)
    split = windows.split_heads(arranged, 3)
    assert split.shape[1:] == (6, windows.size[0] * windows.size[1], 2)
    assert torch.equal(windows.merge_heads(split, 3), arranged)
    assert torch.equal(windows.restore(arranged), x)


def test_a_small_grid_is_one_window_without_shift() -> None:
    windows = AttentionWindows.fit((3, 4), 4, 2)
    assert windows.size == (3, 4)
    assert windows.shift == windows.padding == (0, 0)
    assert windows.mask(torch.zeros(1)) is None


@pytest.mark.parametrize('grid', [(8, 8), (9, 6), (6, 11)])
def test_cells_meet_only_neighbours_of_their_window(
    grid: tuple[int, int],
) -> None:
    """Who may attend to whom, from the definition of shifted windows."""
    windows = AttentionWindows.fit(grid, 4, 2)
    place = torch.stack(
        torch.meshgrid(
            torch.arange(grid[0]), torch.arange(grid[1]), indexing='ij'
        ),
        dim=-1,
    )
    arranged = windows.arrange(place[None] + 1.0)  # 0 marks padding
    cells = windows.split_heads(arranged, 1)[:, 0]
    mask = windows.mask(cells).squeeze(1)
    shift = torch.tensor(windows.shift)
    size = torch.tensor(windows.size)
    real = cells[..., 0] > 0
    # Floor division of the shifted place: cells before the shift are
    # neighbours of nothing behind it.
    window = (cells - 1 - shift).floor_divide(size)
    same = (window[:, :, None] == window[:, None]).all(dim=-1)
    both = real[:, :, None] & real[:, None]
    assert torch.equal(mask & both, same & both)
    assert not (mask & (real[:, :, None] ^ real[:, None])).any()
