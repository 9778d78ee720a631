# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The map of a job: while it is made, and when it is done."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import rasterio
import torch
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from aeroseg.mapping.block import Block
from aeroseg.mapping.job.output_folder import REPORT, read_report
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.mapping.writing.geotiff import SCORE_NODATA, SCORE_STEPS

_SIDE = 4096  # of the picture that is kept of a running job


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

    def paint_block(self, block: Block, labels: np.ndarray) -> None:
        """Show a block of the scene, (h, w) ids, that was kept earlier."""
        size = self._labels.shape
        rows = _reached(size[0], self.shape[0], block.top, len(labels))
        columns = _reached(size[1], self.shape[1], block.left, labels.shape[1])
        down = rows * self.shape[0] // size[0] - block.top
        across = columns * self.shape[1] // size[1] - block.left
        if len(rows) and len(columns):
            self._place(rows, columns, labels[down][:, across])

    def labels(self, area: Sequence[int], size: tuple[int, int]) -> np.ndarray:
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


class FinishedMap:
    """Reads labels and scores of a job's folder.

    Args:
        folder (Path): The folder.

    Raises:
        ValueError: If it holds no complete results.

    Attributes:
        files (dict[str, Path]): Results by kind.
        areas (list[list]): The lines of `classes.csv`; see
            :class:`ClassArea`.
        notes (list[str]): What the user should know about the scene.
    """

    def __init__(self, folder: Path) -> None:
        report = read_report(folder / REPORT)
        if report is None:
            raise ValueError(f'{folder} holds no complete results')
        self.files = {k: folder / n for k, n in report['files'].items()}
        self.areas: list[list[Any]] = report['areas']
        self.notes: list[str] = report['notes']

    def labels(self, area: Sequence[int], size: tuple[int, int]) -> np.ndarray:
        """Ids (h, w) of an area; see :class:`.tiles.Tile`."""
        return self._read('labels', 1, area, size, Resampling.nearest)

    def scores(
        self, index: int, area: Sequence[int], size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (h, w) of a class, and where there is data."""
        kept = self._read('scores', index + 1, area, size, Resampling.nearest)
        return kept / np.float32(SCORE_STEPS), kept != SCORE_NODATA

    def at(self, column: int, row: int) -> list[tuple[str, float]]:
        """Names and probabilities at a pixel, the best first.

        Returns:
            list[tuple[str, float]]: Empty where there is no data.
        """
        with (
            ignore_warning(NotGeoreferencedWarning),
            rasterio.open(self.files['scores']) as data,
        ):
            found = data.read(window=Window(column, row, 1, 1))[:, 0, 0]
            names = data.descriptions
        if (found == SCORE_NODATA).all():
            return []
        order = np.argsort(-found.astype(int), kind='stable')
        return [(names[i], round(found[i] / SCORE_STEPS, 3)) for i in order]

    def _read(
        self,
        kind: str,
        band: int,
        area: Sequence[int],
        size: tuple[int, int],
        how: Resampling,
    ) -> np.ndarray:
        with (
            ignore_warning(NotGeoreferencedWarning),
            rasterio.open(self.files[kind]) as data,
        ):
            return data.read(
                band, window=Window(*area), out_shape=size, resampling=how
            )


def finished_map(folder: Path) -> FinishedMap | None:
    """The results of a folder; None if they are not complete."""
    with suppress(ValueError):
        return FinishedMap(folder)
    return None


def _reached(kept: int, whole: int, first: int, length: int) -> np.ndarray:
    """Which of the kept pixels show pixels `first` to `first + length`."""
    begin = -(-first * kept // whole)
    end = -(-(first + length) * kept // whole)
    places = np.arange(begin, min(end, kept))
    source = places * whole // kept
    return places[(source >= first) & (source < first + length)]
