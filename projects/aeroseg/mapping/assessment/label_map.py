# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A finished label map, read row by row."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from aeroseg.files import require_utf8
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.mapping.reading.pixel_area import known_row_areas, to_map

_ROWS = 512


class LabelMap:
    """The `labels.tif` of tools/predict.py.

    Args:
        path (str | Path): The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no raster, has several bands, or lacks the names
            of its classes.

    Attributes:
        names (tuple[str, ...]): Of the classes, by id.
        colours (tuple[str, ...]): As '#rrggbb', by id.
        nodata (int | None): Id of pixels without data.
        shape (tuple[int, int]): (H, W).
        crs (str | None): As WKT.
        row_areas (np.ndarray | None): (H,) square metres of a pixel; None
            if the map has no place on Earth.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        require_utf8(self.path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f'there is no map {self.path}; tools/predict.py writes '
                'labels.tif into its output folder'
            )
        try:
            with (
                ignore_warning(NotGeoreferencedWarning),
                rasterio.open(self.path) as data,
            ):
                self._describe(data)
        except RasterioError as error:
            raise ValueError(f'{self.path} is no raster: {error}') from error

    def _describe(self, data: rasterio.DatasetReader) -> None:
        tags = data.tags(1) if data.count == 1 else {}
        names: list[str] = []
        while f'CLASS_{len(names)}' in tags:
            names.append(tags[f'CLASS_{len(names)}'])
        if not names:
            raise ValueError(
                f'{self.path} is no label map: it has {data.count} bands and '
                'no names of classes (CLASS_0, CLASS_1, ...); give the '
                'labels.tif of tools/predict.py'
            )
        self.names = tuple(names)
        self.colours = _colours(data, len(names))
        self.nodata = None if data.nodata is None else int(data.nodata)
        self.shape = (data.height, data.width)
        self.crs = data.crs.to_wkt() if data.crs else None
        self._transform = data.transform
        self.row_areas = known_row_areas(data)

    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal digits."""
        with self.path.open('rb') as file:
            return hashlib.file_digest(file, 'sha256').hexdigest()

    def pieces(self) -> Iterator[tuple[int, np.ndarray]]:
        """First row and ids (n, W), from top to bottom.

        Raises:
            ValueError: If pixels cannot be read or have an id without name.
        """
        height, width = self.shape
        with (
            ignore_warning(NotGeoreferencedWarning),
            rasterio.open(self.path) as data,
        ):
            for top in range(0, height, _ROWS):
                window = Window(0, top, width, min(_ROWS, height - top))
                try:
                    labels = data.read(1, window=window)
                except RasterioError as error:
                    raise ValueError(
                        f'{self.path} is damaged: rows from {top} cannot be '
                        f'read ({error}); make the map again'
                    ) from error
                self._check_ids(labels)
                yield top, labels

    def _check_ids(self, labels: np.ndarray) -> None:
        bad = labels >= len(self.names)
        if self.nodata is not None:
            bad &= labels != self.nodata
        if bad.any():
            raise ValueError(
                f'{self.path} has pixels with the id {labels[bad][0]}, but '
                f'names for 0 to {len(self.names) - 1} only'
            )

    def count_rows(self) -> np.ndarray:
        """Pixels per row and class, (H, K) int64."""
        counts = [
            np.bincount(row, minlength=len(self.names))[: len(self.names)]
            for _, labels in self.pieces()
            for row in labels
        ]
        return np.stack(counts)

    def places(
        self, rows: np.ndarray, columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of the middle of pixels, (N,) each.

        Without a georeference GIS programs put row 0 at the top, at y = 0,
        and count downwards.
        """
        if self.crs is None and self._transform.is_identity:
            return columns + 0.5, -(rows + 0.5)
        return to_map(self._transform, columns + 0.5, rows + 0.5)

    def pixel_size(self) -> float:
        """The shorter side of a pixel, in the units of :meth:`places`."""
        a, b, _, d, e, _ = self._transform[:6]
        return float(min(np.hypot(a, d), np.hypot(b, e)))


def _colours(data: rasterio.DatasetReader, count: int) -> tuple[str, ...]:
    try:
        table = data.colormap(1)
    except ValueError:
        table = {}
    grey = (128, 128, 128)
    found = [table.get(index, grey)[:3] for index in range(count)]
    return tuple('#{:02x}{:02x}{:02x}'.format(*colour) for colour in found)
