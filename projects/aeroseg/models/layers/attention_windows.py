# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Shifted attention windows on grids of any size."""

import functools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from aeroseg.acceleration import is_exporting


class AttentionWindows(NamedTuple):
    """How a grid is cut into (shifted) attention windows.

    A side that is not longer than a window is one window without shift. A
    side that is not a multiple of the window is padded below or right; the
    padding is masked out as a key.

    Attributes:
        grid (tuple[int, int]): (h, w) of the grid.
        size (tuple[int, int]): (h, w) of a window.
        shift (tuple[int, int]): Cyclic shift, down and right.
    """

    grid: tuple[int, int]
    size: tuple[int, int]
    shift: tuple[int, int]

    @classmethod
    def fit(
        cls, grid: tuple[int, int], size: int, shift: int
    ) -> 'AttentionWindows':
        """Windows of a nominal size and shift, fitted to a grid."""
        fits = [side <= size for side in grid]
        return cls(
            grid,
            (min(grid[0], size), min(grid[1], size)),
            (0 if fits[0] else shift, 0 if fits[1] else shift),
        )

    @property
    def padding(self) -> tuple[int, int]:
        """Cells added below and right."""
        return (-self.grid[0] % self.size[0], -self.grid[1] % self.size[1])

    @property
    def counts(self) -> tuple[int, int]:
        """Windows down and across."""
        return (
            (self.grid[0] + self.padding[0]) // self.size[0],
            (self.grid[1] + self.padding[1]) // self.size[1],
        )

    def arrange(self, x: Tensor) -> Tensor:
        """Pad and shift a grid, (N, h, w, C) -> (N, h', w', C)."""
        if any(self.padding):
            x = F.pad(x, (0, 0, 0, self.padding[1], 0, self.padding[0]))
        if any(self.shift):
            x = x.roll((-self.shift[0], -self.shift[1]), dims=(1, 2))
        return x

    def restore(self, x: Tensor) -> Tensor:
        """The inverse of :meth:`arrange`."""
        if any(self.shift):
            x = x.roll(self.shift, dims=(1, 2))
        return x[:, : self.grid[0], : self.grid[1]]

    def split_heads(self, x: Tensor, heads: int) -> Tensor:
        """(N, h', w', heads * d) -> (windows, N * heads, cells, d).

        Windows come first so that one mask per window serves all images,
        classes and heads.
        """
        (rows, columns), (height, width) = self.counts, self.size
        x = x.reshape(
            -1, rows, height, columns, width, heads, x.shape[-1] // heads
        )
        x = x.permute(1, 3, 0, 5, 2, 4, 6)
        return x.reshape(rows * columns, -1, height * width, x.shape[-1])

    def merge_heads(self, x: Tensor, heads: int) -> Tensor:
        """The inverse of :meth:`split_heads`."""
        (rows, columns), (height, width) = self.counts, self.size
        x = x.reshape(rows, columns, -1, heads, height, width, x.shape[-1])
        x = x.permute(2, 0, 4, 1, 5, 3, 6)
        return x.reshape(
            x.shape[0], rows * height, columns * width, heads * x.shape[-1]
        )

    def mask(self, like: Tensor) -> Tensor | None:
        """Which cell may attend to which, or None where all may.

        Returns:
            Tensor | None: bool, (windows, 1, cells, cells), True = attend.
        """
        if not any(self.padding) and not any(self.shift):
            return None
        if is_exporting():  # its tensors are not to be kept
            return _mask.__wrapped__(self, like.device)
        return _mask(self, like.device)


_REGIONS = 4  # numbers that a side has at most


@functools.lru_cache(maxsize=32)
def _mask(windows: AttentionWindows, device: torch.device) -> Tensor:
    rows, columns = (
        _regions(*sides, device=device)
        for sides in zip(
            windows.grid,
            windows.size,
            windows.shift,
            windows.padding,
            strict=True,
        )
    )
    regions = rows[:, None] * _REGIONS + columns[None]
    cells = windows.split_heads(regions[None, :, :, None], heads=1)
    return cells == cells.transpose(-1, -2)


def _regions(
    side: int, size: int, shift: int, padding: int, *, device: torch.device
) -> Tensor:
    """A region number per cell of a shifted side; cells attend within one."""
    cells = torch.arange(side + padding, device=device)
    regions = torch.where(cells < side, 0, 2)
    regions = regions.roll(-shift)
    if shift:
        regions[-shift:] += 1  # moved here from the other end
    return regions
