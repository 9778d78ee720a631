# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The positions of the tiles of a scene."""

from typing import Literal, NamedTuple, get_args

import numpy as np

Rule = Literal['drop', 'pad', 'clamp']
RULES: tuple[Rule, ...] = get_args(Rule)


class Window(NamedTuple):
    """A rectangle of a scene in pixels; it may extend beyond its edges."""

    x: int
    y: int
    width: int
    height: int


def starts(length: int, size: int, stride: int, rule: Rule) -> list[int]:
    """Where tiles begin along one side.

    Args:
        length (int): Length of the side, px.
        size (int): Length of a tile, px.
        stride (int): Distance between two starts, px.
        rule (Rule): What happens to the remainder at the end: 'drop' leaves
            it out; 'pad' adds a tile that extends beyond the edge; 'clamp'
            adds a tile that ends at the edge and overlaps its neighbour. A
            side shorter than a tile gives no tile under 'drop', else one.

    Returns:
        list[int]: Ascending starts, px.

    Raises:
        ValueError: If a length is not positive or the rule is unknown.
    """
    if min(length, size, stride) < 1 or rule not in RULES:
        raise ValueError(
            f'cannot tile {length} px with size={size}, stride={stride}, '
            f'rule={rule!r}; lengths are positive, rules are {RULES}'
        )
    if length < size:
        return [] if rule == 'drop' else [0]
    found = list(range(0, length - size + 1, stride))
    if found[-1] + size < length and rule != 'drop':
        found.append(length - size if rule == 'clamp' else found[-1] + stride)
    return found


def tile_windows(
    height: int, width: int, size: int, stride: int, rule: Rule
) -> list[Window]:
    """The tiles of a scene, row by row.

    Args:
        height (int): Height of the scene, px.
        width (int): Width of the scene, px.
        size (int): Side of a tile, px.
        stride (int): Distance between two tiles, px.
        rule (Rule): See :func:`starts`.

    Returns:
        list[Window]: Square windows.
    """
    return [
        Window(x, y, size, size)
        for y in starts(height, size, stride, rule)
        for x in starts(width, size, stride, rule)
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
