# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes on disk, read part by part with GDAL."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import numpy as np
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from aeroseg.errors import reason
from aeroseg.mapping.aoi import Area

from .file_parts import choose_area, choose_bands, inside
from .gdal import gdal_warnings, ignore_warning
from .grid import model_grid, shrunk
from .open_file import open_file, unreachable
from .pixel_area import ground_resolution, known_row_areas
from .remote_scene import (
    Scene,
    UnreachableError,
    VirtualScene,
    locate,
    retries,
)
from .scene_notes import file_notes
from .stretch import Stretch, make_stretch

_AGAIN = 2  # times to read from another machine, besides those of GDAL
_SAMPLE = 1024  # longest side of the sample that fixes the stretch


class RasterSource:
    """A GeoTIFF, or any other raster file GDAL can read.

    Args:
        path (str | Scene): The file, or its address, see
            :func:`.remote_scene.locate`; or a
            :class:`aeroseg.mapping.mosaics.mosaic.Mosaic`.
        bands (Sequence[int] | None): Three band numbers, from 1, that hold
            red, green and blue. None takes the bands that the file marks as
            such, else the first three.
        gsd (float | None): Ground resolution in metres per pixel that the
            model was trained on. None takes the scene as it is.
        scale (float): Pixels the model sees per pixel of that resolution;
            1.5 for a model whose training images were enlarged by 1.5.
        stretch (str): See :func:`.stretch.make_stretch`.
        allow_damaged (bool): Read pixels that GDAL warns of, with a note,
            instead of refusing the file.
        crop (Sequence[int] | None): The part of the file to take as the
            scene: first column, first row, width and height in pixels of
            the file. The stretch is still that of the whole file.
        aoi (Area | None): Polygons; the scene is the rectangle around them,
            and there is no data outside of them.

    Attributes:
        shape (tuple[int, int]): (H, W) of the scene.
        transform (Affine): From its pixels to coordinates.
        notes (list[str]): What the user should know about this file.
        pixel_areas (np.ndarray | None): Square metres of a pixel per row,
            (H,), if known.
        resolution (tuple[float, float] | None): Metres on the ground, down
            and across, of the pixel in the middle of the file; None if
            unknown.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreachableError: If it is on another machine and cannot be read.
        ValueError: If it is not a raster, is damaged, lacks bands, holds
            complex numbers, or has no known ground resolution but is to be
            resampled to one; or if the crop is not inside the file, or the
            area of interest lies outside of it.
    """

    def __init__(
        self,
        path: str | Scene,
        bands: Sequence[int] | None = None,
        gsd: float | None = None,
        scale: float = 1.0,
        stretch: str = 'auto',
        allow_damaged: bool = False,
        crop: Sequence[int] | None = None,
        aoi: Area | None = None,
    ) -> None:
        self.path = locate(path)
        self.allow_damaged = allow_damaged
        self._damage = ''
        self.data = open_file(self.path)
        self._in_turn = Lock()  # GDAL reads a file for one thread at a time
        self.bands = choose_bands(self.data, bands, self.path)
        # Whether the file can mark no pixel as being without data.
        flags = self.data.mask_flag_enums
        self._everywhere = all(f == [MaskFlags.all_valid] for f in flags)
        self._area = choose_area(self.data, crop, aoi, self.path)
        self._polygons = aoi.geometries(self.data.crs) if aoi else None
        self.shape = (self._area.height, self._area.width)
        self.transform = self.data.window_transform(self._area)
        self.resolution = ground_resolution(self.data)
        self.grid = model_grid(
            self.path, self.shape, self.resolution, gsd, scale
        )
        areas = known_row_areas(self.data)
        top, bottom = self._area.row_off, self._area.row_off + self.shape[0]
        self.pixel_areas = None if areas is None else areas[top:bottom]
        known = self.pixel_areas is not None
        self.notes = file_notes(
            self.data, self.path.name, self.resolution, known, gsd
        )
        if aoi is not None:
            self.notes.append(
                f'cut to the polygons of {aoi.name}: {self.shape[1]} x '
                f'{self.shape[0]} of {self.data.width} x {self.data.height} '
                'pixels; what lies outside of them is not mapped'
            )
        self.stretch = self._choose_stretch(stretch)
        if self.stretch is not None:
            self.notes.append(self.stretch.describe())
        tiled = isinstance(self.path, VirtualScene) and self.path.tiled
        if tiled and max(self.shape) > _SAMPLE:
            self.sample(_SAMPLE)  # whether there are the tiles of a preview

    def __enter__(self) -> 'RasterSource':
        return self

    def __exit__(self, *error: Any) -> None:
        self.data.close()

    @property
    def georeferenced(self) -> bool:
        """Whether the file says where on Earth it lies."""
        return self.data.crs is not None

    def read(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`aeroseg.mapping.reading.image_source.Source`."""
        down = self.shape[0] / self.grid[0]
        across = self.shape[1] / self.grid[1]
        right = self.grid[1] if right is None else right
        size = (bottom - top, right - left)
        window = self._window(
            top * down, left * across, size[0] * down, size[1] * across
        )
        with self._in_turn:
            image, valid = self._read(window, size)
        return image if self.stretch is None else self.stretch(image), valid

    def valid(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> np.ndarray:
        """See :class:`aeroseg.mapping.reading.image_source.Source`."""
        right = self.shape[1] if right is None else right
        size = (bottom - top, right - left)
        window = self._window(top, left, *size)
        if self._everywhere and not self._floating and not self._polygons:
            return np.ones(size, bool)  # without a wait for the other thread
        with self._in_turn:
            if self._floating:
                return self._read(window, size)[1]
            return self._mask(window, size)

    def thumbnail(self, max_side: int) -> np.ndarray:
        """The whole scene, (h, w, 3) RGB uint8, no side over `max_side`."""
        return self.picture(self.sample(max_side)[0])

    def sample(self, max_side: int) -> tuple[np.ndarray, np.ndarray]:
        """The whole scene in the units of the file.

        Args:
            max_side (int): Pixels; no side is longer.

        Returns:
            tuple[np.ndarray, np.ndarray]: Means (3, h, w), and where there
            is data, (h, w) bool.
        """
        with self._in_turn:
            return self._read(self._area, shrunk(self.shape, max_side))

    def look(
        self, area: Sequence[int], size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """A part of the scene, as a picture.

        Args:
            area (Sequence[int]): First column, first row, width and height
                in pixels of the scene; inside of it.
            size (tuple[int, int]): (h, w) of the picture.

        Returns:
            tuple[np.ndarray, np.ndarray]: (h, w, 3) RGB uint8, and where
            there is data, (h, w) bool.
        """
        left, top, width, height = area
        with self._in_turn:
            window = self._window(top, left, height, width)
            values, valid = self._read(window, size)
        return self.picture(values), valid

    def picture(self, values: np.ndarray) -> np.ndarray:
        """Values (3, h, w) of the file as a picture (h, w, 3), RGB uint8."""
        image = values if self.stretch is None else self.stretch(values)
        return np.ascontiguousarray(image.transpose(1, 2, 0))

    @property
    def _floating(self) -> bool:
        return np.dtype(self.data.dtypes[0]).kind == 'f'

    def _window(
        self, top: float, left: float, height: float, width: float
    ) -> Window:
        """A part of the scene as a window of the file."""
        x, y = self._area.col_off, self._area.row_off
        return Window(x + left, y + top, width, height)

    def _choose_stretch(self, rule: str) -> Stretch | None:
        if rule in ('auto', 'none') and self.data.dtypes[0] == 'uint8':
            return None  # without a look at the whole file
        shape = (self.data.height, self.data.width)
        whole = Window(0, 0, shape[1], shape[0])
        return make_stretch(rule, *self._read(whole, shrunk(shape, _SAMPLE)))

    def _read(
        self, window: Window, size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        shrinks = window.height > size[0] or window.width > size[1]
        how = Resampling.average if shrinks else Resampling.bilinear
        image = self._ask(
            window,
            lambda: self.data.read(
                self.bands,
                window=window,
                out_shape=(len(self.bands), *size),
                resampling=how,
            ),
        )
        valid = self._mask(window, size)
        if self._floating:
            valid &= np.isfinite(image).all(axis=0)
        return image, valid

    def _mask(self, window: Window, size: tuple[int, int]) -> np.ndarray:
        valid = np.ones(size, bool)
        if not self._everywhere:
            valid = self._file_mask(window, size)
        if self._polygons:
            place = self.data.transform
            valid &= inside(self._polygons, place, window, size)
        return valid

    def _file_mask(self, window: Window, size: tuple[int, int]) -> np.ndarray:
        resampled = (window.height, window.width) != size
        how = Resampling.average if resampled else Resampling.nearest
        mask = self._ask(
            window,
            lambda: self.data.dataset_mask(
                window=window, out_shape=size, resampling=how
            ),
        )
        return mask > 0

    def _ask(
        self, window: Window, read: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """Read; again where an answer from another machine ended early."""
        often, delay = 0, 0.0
        if isinstance(self.path, VirtualScene):
            often = _AGAIN
            if self.path.tiled:
                often, delay = retries()
        while True:
            try:
                with self._watched(window):
                    return read()
            except UnreachableError as error:
                lasts = isinstance(self.path, VirtualScene) and (
                    self.path.lasts(str(error))
                )
                if not often or lasts:
                    raise
                time.sleep(delay)
                often, delay = often - 1, 2 * delay
                self._reopen()

    def _reopen(self) -> None:
        """Open anew: GDAL would keep what came of a cut answer."""
        if isinstance(self.path, VirtualScene):
            self.data.close()
            self.path.forget()
            self.data = open_file(self.path)

    @contextmanager
    def _watched(self, window: Window) -> Iterator[None]:
        """Errors and warnings of GDAL while it reads pixels."""
        place = f'from row {window.row_off:.0f} on'
        try:
            with ExitStack() as stack:
                if isinstance(self.path, VirtualScene):
                    stack.enter_context(self.path.settings())
                stack.enter_context(ignore_warning(NotGeoreferencedWarning))
                w = stack.enter_context(gdal_warnings())
                yield
        except RasterioError as error:
            if isinstance(self.path, VirtualScene):
                raise unreachable(self.path, error, place) from None
            raise ValueError(
                f'{self.path} cannot be read {place}; it seems damaged or '
                f'truncated ({reason(error)}). Copy the file again'
            ) from error
        if not w or self._damage:
            return
        if not self.allow_damaged:
            if isinstance(self.path, VirtualScene) and self.path.tiled:
                # Of a tile that may be whole when it is asked for again.
                raise unreachable(self.path, ValueError(w[0]), place)
            raise ValueError(
                f'{self.path} is damaged {place} ({w[0]}). Copy the file '
                'again; --allow-damaged (allow_damaged=True) reads it all the '
                'same'
            )
        self._damage = w[0]
        self.notes.append(
            f'{self.path.name} is damaged ({w[0]}): the map is wrong there'
        )
