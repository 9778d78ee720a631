# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The map of a running job, window by window, in bounded memory."""

from threading import Lock

import numpy as np
import torch

from aeroseg.mapping.label_scheme import LabelScheme

_SIDE = 4096  # of the picture that is kept


class LiveMap:
    """Labels as they are found; large scenes are thinned out.

    Args:
        shape (tuple[int, int]): (H, W) of the scene.
        grid (tuple[int, int]): (H', W') that the model sees.
        scheme (LabelScheme): What the ids mean.

    Attributes:
        version (int): Rises with every change.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        grid: tuple[int, int],
        scheme: LabelScheme,
    ) -> None:
        self.shape = shape
        self.grid = grid
        self.scheme = scheme
        self.version = 0
        step = max(1, -(-max(shape) // _SIDE))
        size = -(-shape[0] // step), -(-shape[1] // step)
        self._labels = np.full(size, scheme.nodata, scheme.dtype)
        self._lock = Lock()

    def paint_scores(self, top: int, left: int, scores: torch.Tensor) -> None:
        """Show a window.

        Args:
            top (int): Its first row on the grid.
            left (int): Its first column there.
            scores (Tensor): (S, h, w) probabilities.
        """
        height, width = scores.shape[1:]
        rows = _reached(self._labels.shape[0], self.grid[0], top, height)
        columns = _reached(self._labels.shape[1], self.grid[1], left, width)
        if not (len(rows) and len(columns)):
            return
        down = rows * self.grid[0] // self._labels.shape[0] - top
        across = columns * self.grid[1] // self._labels.shape[1] - left
        chosen = scores[:, torch.from_numpy(down)]
        chosen = chosen[:, :, torch.from_numpy(across)]
        self._place(rows, columns, self.scheme.decide(chosen))

    def paint_rows(self, top: int, labels: np.ndarray) -> None:
        """Show rows of the scene, (n, W) ids, that an earlier run has kept."""
        size = self._labels.shape
        rows = _reached(size[0], self.shape[0], top, len(labels))
        columns = np.arange(size[1])
        down = rows * self.shape[0] // size[0] - top
        across = columns * self.shape[1] // size[1]
        if len(rows):
            self._place(rows, columns, labels[down][:, across])

    def read(
        self, area: tuple[int, int, int, int], size: tuple[int, int]
    ) -> np.ndarray:
        """Ids (h, w) of an area of the scene; see :class:`.tiles.Tile`."""
        left, top, width, height = area
        kept = self._labels.shape
        rows = top + np.arange(size[0]) * height // size[0]
        columns = left + np.arange(size[1]) * width // size[1]
        rows = rows * kept[0] // self.shape[0]
        columns = columns * kept[1] // self.shape[1]
        with self._lock:
            return self._labels[rows][:, columns]

    def _place(
        self, rows: np.ndarray, columns: np.ndarray, labels: np.ndarray
    ) -> None:
        with self._lock:
            self._labels[
                rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1
            ] = labels
            self.version += 1


def _reached(kept: int, whole: int, first: int, length: int) -> np.ndarray:
    """Which of the kept pixels show pixels `first` to `first + length`."""
    begin = -(-first * kept // whole)
    end = -(-(first + length) * kept // whole)
    places = np.arange(begin, min(end, kept))
    source = places * whole // kept
    return places[(source >= first) & (source < first + length)]
