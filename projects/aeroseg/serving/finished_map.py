# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The results of a finished job, as the page asks for them."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from aeroseg.mapping.job.output_folder import REPORT
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.mapping.writing.geotiff import SCORE_NODATA, SCORE_STEPS


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
        try:
            report = json.loads((folder / REPORT).read_text('utf-8'))
            self.files = {k: folder / n for k, n in report['files'].items()}
            self.areas: list[list[Any]] = report['areas']
            self.notes: list[str] = report['notes']
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f'{folder} holds no complete results') from error

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
