# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tiles of a scene on its own grid of pixels, as PNG files.

Zoom level 0 shows the scene in one tile; every level doubles the pixels, up
to those of the file. There is no map projection: a tile of the last level
holds the very pixels of the scene, and pictures without a place on Earth are
shown like others.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image

from aeroseg.palette import RGB

SIDE = 256


class Tile(NamedTuple):
    """The part of a scene that a tile shows.

    Attributes:
        area (tuple[int, int, int, int]): First column, first row, width and
            height in pixels of the scene.
        size (tuple[int, int]): (h, w) of the picture; below 256 at the right
            and lower edge.
    """

    area: tuple[int, int, int, int]
    size: tuple[int, int]


def levels(shape: tuple[int, int]) -> int:
    """The last zoom level of a scene of so many pixels, (H, W)."""
    level = 0
    while max(shape) > SIDE << level:
        level += 1
    return level


def locate_tile(shape: tuple[int, int], z: int, x: int, y: int) -> Tile | None:
    """Where a tile lies in a scene.

    Args:
        shape (tuple[int, int]): (H, W) of the scene.
        z (int): Zoom level.
        x (int): Column of the tile.
        y (int): Row of the tile.

    Returns:
        Tile | None: None if there is no such tile.
    """
    last = levels(shape)
    if not 0 <= z <= last or min(x, y) < 0:
        return None
    step = 1 << (last - z)
    left, top = x * SIDE * step, y * SIDE * step
    width = min(SIDE * step, shape[1] - left)
    height = min(SIDE * step, shape[0] - top)
    if width < 1 or height < 1:
        return None
    size = -(-height // step), -(-width // step)
    return Tile((left, top, width, height), size)


def picture_tile(image: np.ndarray, valid: np.ndarray) -> bytes:
    """A tile of the scene.

    Args:
        image (np.ndarray): (h, w, 3) RGB uint8.
        valid (np.ndarray): (h, w) bool; elsewhere the tile is transparent.
    """
    alpha = np.where(valid, 255, 0).astype(np.uint8)
    return _png(np.dstack([image, alpha]))


def label_tile(labels: np.ndarray, palette: Sequence[RGB]) -> bytes:
    """A tile of a label map in the colours of its classes.

    Args:
        labels (np.ndarray): (h, w) ids; those without a colour are
            transparent.
        palette (Sequence[RGB]): A colour per id.
    """
    known = len(palette)
    colours = np.zeros((known + 1, 4), np.uint8)
    colours[:known, :3], colours[:known, 3] = palette, 255
    return _png(colours[np.minimum(labels, known)])


def heat_tile(scores: np.ndarray, valid: np.ndarray) -> bytes:
    """A tile of the probability of a class; bright is 1, dark is 0.

    Args:
        scores (np.ndarray): (h, w) in [0, 1].
        valid (np.ndarray): (h, w) bool; elsewhere the tile is transparent.
    """
    colours = matplotlib.colormaps['inferno'](scores, bytes=True)
    colours[..., 3] = np.where(valid, 255, 0)
    return _png(colours)


def empty_tile() -> bytes:
    """A tile that shows nothing."""
    return _png(np.zeros((1, 1, 4), np.uint8))


def _png(pixels: np.ndarray) -> bytes:
    """A whole tile; transparent below and to the right of the pixels."""
    height, width = pixels.shape[:2]
    whole = np.zeros((SIDE, SIDE, 4), np.uint8)
    whole[:height, :width] = pixels
    file = BytesIO()
    Image.fromarray(whole).save(file, 'PNG', compress_level=1)
    return file.getvalue()


def read_part(
    tile: Tile, crop: Sequence[int], read: Callable[..., np.ndarray], fill: int
) -> np.ndarray:
    """What a tile of the scene shows of a map of a part of it.

    Args:
        tile (Tile): The tile.
        crop (Sequence[int]): The part: first column, first row, width and
            height in pixels of the scene.
        read (Callable): From an area of the map and a size to values (h, w).
        fill (int): Value outside of the part.

    Returns:
        np.ndarray: Values of the size of the tile.
    """
    left, top, width, height = tile.area
    first = max(left, crop[0]), max(top, crop[1])
    last = (
        min(left + width, crop[0] + crop[2]),
        min(top + height, crop[1] + crop[3]),
    )
    across, down = last[0] - first[0], last[1] - first[1]
    step = -(-height // tile.size[0])
    begin = (first[0] - left) // step, (first[1] - top) // step
    end = -(-(last[0] - left) // step), -(-(last[1] - top) // step)
    size = end[1] - begin[1], end[0] - begin[0]
    area = (first[0] - crop[0], first[1] - crop[1], across, down)
    if min(across, down) < 1:
        return np.full(tile.size, fill)
    found = read(area, size)
    values = np.full(tile.size, fill, found.dtype)
    values[begin[1] : end[1], begin[0] : end[0]] = found
    return values
