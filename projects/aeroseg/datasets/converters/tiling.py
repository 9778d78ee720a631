# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The positions of the tiles of a scene."""

from typing import NamedTuple

import numpy as np

from aeroseg.window_starts import EndRule, starts_by_stride


class Window(NamedTuple):
    """A rectangle of a scene in pixels; it may extend beyond its edges."""

    x: int
    y: int
    width: int
    height: int


def tile_windows(
    height: int, width: int, size: int, stride: int, rule: EndRule
) -> list[Window]:
    """The tiles of a scene, row by row.

    Args:
        height (int): Height of the scene, px.
        width (int): Width of the scene, px.
        size (int): Side of a tile, px.
        stride (int): Distance between two tiles, px.
        rule (EndRule): See :func:`.starts_by_stride`.

    Returns:
        list[Window]: Square windows.
    """
    return [
        Window(x, y, size, size)
        for y in starts_by_stride(height, size, stride, rule)
        for x in starts_by_stride(width, size, stride, rule)
    ]


def cut(array: np.ndarray, window: Window, fill: int) -> np.ndarray:
    """The part of an array inside a window.

    Args:
        array (np.ndarray): (H, W) or (H, W, C).
        window (Window): What to cut out.
        fill (int): Value of pixels outside the array.

    Returns:
        np.ndarray: (window.height, window.width) or with C, contiguous.
    """
    x, y, width, height = window
    part = array[y : y + height, x : x + width]
    if part.shape[:2] == (height, width):
        return np.ascontiguousarray(part)
    full = np.full((height, width, *array.shape[2:]), fill, array.dtype)
    full[: part.shape[0], : part.shape[1]] = part
    return full
