# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Which bands and which area of a file are the scene."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.features import geometry_mask
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window

from aeroseg.mapping.aoi import Area, vertices

from .pixel_area import to_map
from .remote_scene import Scene


def choose_area(
    data: DatasetReader,
    crop: Sequence[int] | None,
    aoi: Area | None,
    path: Scene,
) -> Window:
    """The area of a file that is the scene.

    Args:
        data (DatasetReader): The file.
        crop (Sequence[int] | None): First column, first row, width and
            height in pixels; None takes the whole file.
        aoi (Area | None): Polygons; the scene is the rectangle around them.
        path (Scene): Its name, for the message.

    Raises:
        ValueError: If the crop is not inside the file, or the polygons lie
            outside of it; or if both are given.
    """
    if aoi is not None:
        if crop is not None:
            raise ValueError(
                'a crop and an area of interest exclude each other: leave '
                'out --crop or --aoi'
            )
        return _around(data, aoi, path)
    if crop is None:
        return Window(0, 0, data.width, data.height)
    left, top, width, height = crop
    if (
        min(left, top) < 0
        or min(width, height) < 1
        or left + width > data.width
        or top + height > data.height
    ):
        raise ValueError(
            f'the crop {",".join(map(str, crop))} (first column, first row, '
            f'width, height) is not inside {path}, which has {data.width} x '
            f'{data.height} pixels'
        )
    return Window(left, top, width, height)


def _around(data: DatasetReader, aoi: Area, path: Scene) -> Window:
    if data.crs is None:
        raise ValueError(
            f'{path} is not georeferenced, so polygons have no place in it; '
            'cut it by pixels with --crop'
        )
    x, y = zip(*vertices(aoi.geometries(data.crs)), strict=True)
    columns, rows = to_map(~data.transform, np.array(x), np.array(y))
    left = max(math.floor(columns.min()), 0)
    top = max(math.floor(rows.min()), 0)
    width = min(math.ceil(columns.max()), data.width) - left
    height = min(math.ceil(rows.max()), data.height) - top
    if min(width, height) < 1:
        raise ValueError(
            f'the polygons of {aoi.name} lie outside of {path}, which '
            f'reaches from {data.bounds[:2]} to {data.bounds[2:]} in '
            f'{data.crs}'
        )
    return Window(left, top, width, height)


def inside(
    geometries: Sequence[dict[str, Any]],
    transform: Affine,
    window: Window,
    size: tuple[int, int],
) -> np.ndarray:
    """Which pixels have their middle in polygons.

    Args:
        geometries (Sequence[dict]): Polygons in the CRS of the file.
        transform (Affine): Of the file.
        window (Window): Of the file.
        size (tuple[int, int]): (h, w) to which the window is resampled.

    Returns:
        np.ndarray: (h, w) bool.
    """
    a, b, _, d, e, _ = transform[:6]
    corner = np.array([window.col_off]), np.array([window.row_off])
    x, y = to_map(transform, *corner)
    down, across = window.height / size[0], window.width / size[1]
    there = Affine(
        a * across, b * down, float(x[0]), d * across, e * down, float(y[0])
    )
    return geometry_mask(geometries, size, there, invert=True)


def choose_bands(
    data: DatasetReader, bands: Sequence[int] | None, path: Scene
) -> list[int]:
    """The bands that hold red, green and blue.

    Args:
        data (DatasetReader): The file.
        bands (Sequence[int] | None): Their numbers, from 1; None takes those
            that the file marks as such, else the first three.
        path (Scene): Its name, for the message.

    Raises:
        ValueError: If it lacks bands, or holds complex numbers.
    """
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
