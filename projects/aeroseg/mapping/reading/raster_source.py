# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes on disk, read row by row with GDAL."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from rasterio import open as open_raster
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from aeroseg.errors import reason

from .gdal import ignore_warning
from .grid import model_grid, shrunk
from .pixel_area import ground_resolution, row_areas
from .stretch import Stretch, make_stretch

_SAMPLE = 1024  # longest side of the sample that fixes the stretch


class RasterSource:
    """A GeoTIFF, or any other raster file GDAL can read.

    Args:
        path (str | Path): The file.
        bands (Sequence[int] | None): Three band numbers, from 1, that hold
            red, green and blue. None takes the bands that the file marks as
            such, else the first three.
        gsd (float | None): Ground resolution in metres per pixel that the
            model was trained on. None takes the scene as it is.
        scale (float): Pixels the model sees per pixel of that resolution;
            1.5 for a model whose training images were enlarged by 1.5.
        stretch (str): See :func:`.stretch.make_stretch`.

    Attributes:
        notes (list[str]): What the user should know about this file.
        resolution (tuple[float, float] | None): Metres on the ground, down
            and across, of the pixel in the middle; None if unknown.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a raster, is damaged, lacks bands, holds
            complex numbers, or has no known ground resolution but is to be
            resampled to one.
    """

    def __init__(
        self,
        path: str | Path,
        bands: Sequence[int] | None = None,
        gsd: float | None = None,
        scale: float = 1.0,
        stretch: str = 'auto',
    ) -> None:
        self.path = Path(path)
        self.data = _open(self.path)
        self._in_turn = Lock()  # GDAL reads a file for one thread at a time
        self.bands = _choose_bands(self.data, bands, self.path)
        # Whether the file can mark no pixel as being without data.
        flags = self.data.mask_flag_enums
        self._everywhere = all(f == [MaskFlags.all_valid] for f in flags)
        self.shape = (self.data.height, self.data.width)
        self.resolution = ground_resolution(self.data)
        self.grid = model_grid(
            self.path, self.shape, self.resolution, gsd, scale
        )
        self.stretch = self._choose_stretch(stretch)
        self.notes = self._describe(gsd)

    def __enter__(self) -> 'RasterSource':
        return self

    def __exit__(self, *error: Any) -> None:
        self.data.close()

    @property
    def georeferenced(self) -> bool:
        """Whether the file says where on Earth it lies."""
        return self.data.crs is not None

    def read(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`aeroseg.mapping.reading.image_source.Source`."""
        step = self.shape[0] / self.grid[0]
        window = Window(0, top * step, self.shape[1], (bottom - top) * step)
        with self._in_turn:
            image, valid = self._read(window, (bottom - top, self.grid[1]))
        return image if self.stretch is None else self.stretch(image), valid

    def valid(self, top: int, bottom: int) -> np.ndarray:
        """See :class:`aeroseg.mapping.reading.image_source.Source`."""
        window = Window(0, top, self.shape[1], bottom - top)
        size = (bottom - top, self.shape[1])
        if self._everywhere and not self._floating:
            return np.ones(size, bool)  # without a wait for the other thread
        with self._in_turn:
            if self._floating:
                return self._read(window, size)[1]
            return self._mask(window, size)

    def thumbnail(self, max_side: int) -> np.ndarray:
        """The whole scene, (h, w, 3) RGB uint8, no side over `max_side`."""
        size = shrunk(self.shape, max_side)
        with self._in_turn:
            image, _ = self._read(self._whole, size)
        image = image if self.stretch is None else self.stretch(image)
        return np.ascontiguousarray(image.transpose(1, 2, 0))

    @property
    def pixel_areas(self) -> np.ndarray | None:
        """Square metres of a pixel per row, (H,), if known."""
        if self.resolution is None:
            return None
        return row_areas(self.data.crs, self.data.transform, self.shape)

    @property
    def _floating(self) -> bool:
        return np.dtype(self.data.dtypes[0]).kind == 'f'

    @property
    def _whole(self) -> Window:
        return Window(0, 0, self.shape[1], self.shape[0])

    def _choose_stretch(self, rule: str) -> Stretch | None:
        if rule in ('auto', 'none') and self.data.dtypes[0] == 'uint8':
            return None  # without a look at the whole file
        size = shrunk(self.shape, _SAMPLE)
        return make_stretch(rule, *self._read(self._whole, size))

    def _describe(self, gsd: float | None) -> list[str]:
        notes = []
        if not self.georeferenced:
            notes.append(
                f'{self.path.name} is not georeferenced; neither are the '
                'results, and areas are given in pixels only'
            )
        elif self.resolution is None:
            notes.append(
                f'the CRS of {self.path.name} has no known place on Earth; '
                'areas are given in pixels only'
            )
        elif gsd is not None:
            down, across = self.resolution
            notes.append(
                f'resampled from {across:.3g} x {down:.3g} m to {gsd:g} m per '
                'pixel for the model'
            )
        if self.stretch is not None:
            notes.append(self.stretch.describe())
        return notes

    def _read(
        self, window: Window, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        shrinks = window.height > size[0] or window.width > size[1]
        how = Resampling.average if shrinks else Resampling.bilinear
        try:
            with ignore_warning(NotGeoreferencedWarning):
                image = self.data.read(
                    self.bands,
                    window=window,
                    out_shape=(len(self.bands), *size),
                    resampling=how,
                )
        except RasterioError as error:
            raise ValueError(
                f'{self.path} cannot be read from row {window.row_off:.0f} '
                f'on; it seems damaged or truncated ({reason(error)}). Copy '
                'the file again'
            ) from error
        valid = self._mask(window, size)
        if self._floating:
            valid &= np.isfinite(image).all(axis=0)
        return image, valid

    def _mask(self, window: Window, size: tuple[int, int]) -> np.ndarray:
        if self._everywhere:
            return np.ones(size, bool)
        resampled = (window.height, window.width) != size
        how = Resampling.average if resampled else Resampling.nearest
        mask = self.data.dataset_mask(
            window=window, out_shape=size, resampling=how
        )
        return mask > 0


def _open(path: Path) -> DatasetReader:
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        with ignore_warning(NotGeoreferencedWarning):
            return open_raster(path)
    except RasterioError as error:
        raise ValueError(
            f'{path} is not an image that GDAL can read ({error}); allowed '
            'are GeoTIFF, PNG, JPEG and other raster formats'
        ) from error


def _choose_bands(
    data: DatasetReader, bands: Sequence[int] | None, path: Path
) -> list[int]:
    if bands is None:
        colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        named = [
            data.colorinterp.index(c) + 1
            for c in colours
            if c in data.colorinterp
        ]
        bands = named if len(named) == 3 else (1, 2, 3)
    if len(bands) != 3 or not all(1 <= b <= data.count for b in bands):
        palette = ColorInterp.palette in data.colorinterp
        raise ValueError(
            f'{path} has {data.count} band(s), and red, green and blue were '
            f'looked for in bands {list(bands)}; '
            + (
                'its values are indices of a palette: convert it first, with '
                'gdal_translate -expand rgb'
                if palette
                else 'name three of its bands, such as --bands 1,2,3, or '
                '--bands 1,1,1 for a grey image'
            )
        )
    if 'complex' in data.dtypes[bands[0] - 1]:
        raise ValueError(
            f'{path} holds complex numbers; give their amplitude or another '
            'real quantity'
        )
    return list(bands)
