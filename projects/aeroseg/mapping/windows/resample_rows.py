# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Resample scores from the model's grid to the scene, row by row."""

from collections.abc import Iterable, Iterator
from math import ceil, floor

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_ROWS = 64  # rows of the scene that are computed at a time


class ResampleAxis:
    """Where the pixels of one side of a scene lie on the model's grid.

    As ``interpolate(mode='bilinear')`` places them.

    Args:
        grid (int): Pixels of the grid.
        length (int): Pixels of the scene.
    """

    def __init__(self, grid: int, length: int) -> None:
        self.grid = grid
        self.length = length

    def first_needed(self, pixel: int) -> int:
        """First pixel of the grid that one of the scene is computed from."""
        place = (pixel + 0.5) * (self.grid / self.length) - 0.5
        return floor(min(max(place, 0), self.grid - 1))

    def last_needed(self, pixel: int) -> int:
        """Last pixel of the grid that one of the scene is computed from."""
        if self.grid == self.length:
            return pixel
        return min(self.first_needed(pixel) + 1, self.grid - 1)

    def ready(self, arrived: int) -> int:
        """Pixels of the scene that so many of the grid are enough for."""
        if arrived == self.grid:
            return self.length
        # The inverse of the place of a pixel, but for rounding.
        place = (arrived - 0.5) * (self.length / self.grid) - 0.5
        count = min(max(ceil(place), 0), self.length)
        while count and self.last_needed(count - 1) >= arrived:
            count -= 1
        while count < self.length and self.last_needed(count) < arrived:
            count += 1
        return count

    def sources(self, pixels: range) -> tuple[Tensor, Tensor, Tensor]:
        """What pixels of the scene are mixed of.

        Args:
            pixels (range): Pixels of the scene, n.

        Returns:
            tuple[Tensor, Tensor, Tensor]: First and second pixel of the
            grid, (n,) int64, and the share of the second, (n,) float32.
        """
        place = torch.arange(pixels.start, pixels.stop).double() + 0.5
        place = place * (self.grid / self.length) - 0.5
        place = place.clamp(0, self.grid - 1)
        first = place.floor().long()
        if self.grid == self.length:
            return first, first, torch.zeros(len(pixels))
        second = (first + 1).clamp(max=self.grid - 1)
        return first, second, (place - first).float()


class ResampleRows:
    """Bilinear resampling of scores that arrive from top to bottom.

    Equal to ``interpolate(scores, shape, mode='bilinear')`` of the whole,
    but only the rows that are still needed are kept.

    Args:
        grid (tuple[int, int]): (H', W') that the model sees.
        shape (tuple[int, int]): (H, W) of the scene.
        columns (range | None): Columns of the scene that are wanted; None
            for all.
        origin (int): Column of the grid that the scores begin with.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        shape: tuple[int, int],
        columns: range | None = None,
        origin: int = 0,
    ) -> None:
        self.grid = grid
        self.shape = shape
        self.rows = ResampleAxis(grid[0], shape[0])
        self.columns = range(shape[1]) if columns is None else columns
        self.origin = origin

    def __call__(
        self, rows: Iterable[tuple[int, Tensor]], first: int = 0
    ) -> Iterator[tuple[int, Tensor]]:
        """Resample.

        Args:
            rows (Iterable[tuple[int, Tensor]]): Number of the first row and
                scores (S, n, w'), in order, from `rows.first_needed(first)`
                on or earlier.
            first (int): Row of the scene to start with.

        Yields:
            tuple[int, Tensor]: Number of the first row and scores
            (S, m, w) of the scene.
        """
        held, held_top = torch.empty(0), 0
        for top, scores in rows:
            if self.grid == self.shape:
                skip = max(first - top, 0)
                if skip < scores.shape[1]:
                    left = self.columns.start - self.origin
                    wanted = scores[:, skip:, left:]
                    yield top + skip, wanted[..., : len(self.columns)]
                continue
            if held.numel() == 0:
                held, held_top = scores.clone(), top
            else:
                held = torch.cat([held, scores], dim=1)
            ready = self.rows.ready(held_top + held.shape[1])
            while first < ready:
                last = min(first + _ROWS, ready)
                yield first, self._make(first, last, held, held_top)
                first = last
            if first < self.shape[0]:
                drop = self.rows.first_needed(first) - held_top
                held, held_top = held[:, drop:].clone(), held_top + drop

    def _make(self, top: int, bottom: int, held: Tensor, start: int) -> Tensor:
        above, below, share = self.rows.sources(range(top, bottom))
        mixed = torch.lerp(
            held[:, above - start], held[:, below - start], share[:, None]
        )
        # Two dimensions would be twice the work; this one is done above.
        if len(self.columns) == self.shape[1]:
            return interpolate(mixed, self.shape[1], mode='linear')
        axis = ResampleAxis(self.grid[1], self.shape[1])
        left, right, share = axis.sources(self.columns)
        left, right = left - self.origin, right - self.origin
        return torch.lerp(mixed[..., left], mixed[..., right], share)
