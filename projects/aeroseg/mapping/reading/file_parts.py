# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Which bands and which area of a file are the scene."""

from collections.abc import Sequence

from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from .remote_scene import Scene


def choose_area(
    data: DatasetReader, crop: Sequence[int] | None, path: Scene
) -> Window:
    """The area of a file that is the scene.

    Args:
        data (DatasetReader): The file.
        crop (Sequence[int] | None): First column, first row, width and
            height in pixels; None takes the whole file.
        path (Scene): Its name, for the message.

    Raises:
        ValueError: If the crop is not inside the file.
    """
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
