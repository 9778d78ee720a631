# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Resample scores from the model's grid to the scene, row by row."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_ROWS = 64  # rows of the scene that are computed at a time


class ResampleRows:
    """Bilinear resampling of scores that arrive from top to bottom.

    Equal to ``interpolate(scores, shape, mode='bilinear')`` of the whole,
    but only the rows that are still needed are kept.

    Args:
        grid (tuple[int, int]): (H', W') of the scores.
        shape (tuple[int, int]): (H, W) of the scene.
    """

    def __init__(self, grid: tuple[int, int], shape: tuple[int, int]) -> None:
        self.grid = grid
        self.shape = shape

    def first_needed(self, row: int) -> int:
        """First row of the grid that a row of the scene is computed from."""
        return int(self._place(torch.tensor([row])).floor()[0])

    def __call__(
        self, rows: Iterable[tuple[int, Tensor]], first: int = 0
    ) -> Iterator[tuple[int, Tensor]]:
        """Resample.

        Args:
            rows (Iterable[tuple[int, Tensor]]): Number of the first row and
                scores (S, n, W'), in order, from `first_needed(first)` on or
                earlier.
            first (int): Row of the scene to start with.

        Yields:
            tuple[int, Tensor]: Number of the first row and scores
            (S, m, W) of the scene.
        """
        same = self.grid == self.shape
        held, held_top = torch.empty(0), 0
        for top, scores in rows:
            if same:
                skip = max(first - top, 0)
                if skip < scores.shape[1]:
                    yield top + skip, scores[:, skip:]
                continue
            if held.numel() == 0:
                held, held_top = scores.clone(), top
            else:
                held = torch.cat([held, scores], dim=1)
            ready = self.ready(held_top + held.shape[1])
            while first < ready:
                last = min(first + _ROWS, ready)
                yield first, self._make(first, last, held, held_top)
                first = last
            if first < self.shape[0]:
                drop = self.first_needed(first) - held_top
                held, held_top = held[:, drop:].clone(), held_top + drop

    def _place(self, rows: Tensor) -> Tensor:
        """Centres of rows of the scene, in rows of the grid (float64)."""
        scale = self.grid[0] / self.shape[0]
        place = (rows.double() + 0.5) * scale - 0.5
        return place.clamp(0, self.grid[0] - 1)

    def ready(self, arrived: int) -> int:
        """Rows of the scene that so many rows of the grid are enough for."""
        if self.grid == self.shape:
            return arrived
        if arrived == self.grid[0]:
            return self.shape[0]
        place = self._place(torch.arange(self.shape[0]))
        return int((place.floor() + 1 < arrived).sum())

    def _make(self, top: int, bottom: int, held: Tensor, start: int) -> Tensor:
        place = self._place(torch.arange(top, bottom))
        above = place.floor().long()
        below = (above + 1).clamp(max=self.grid[0] - 1)
        share = (place - above).float()[:, None]
        mixed = torch.lerp(
            held[:, above - start], held[:, below - start], share
        )
        # Two dimensions would be twice the work; this one is done above.
        return interpolate(mixed, self.shape[1], mode='linear')
