# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Names of iSAID tiles, as in the published lists."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from .source import read_lines
from .tiling import Window

_TILE = re.compile(r'(.+)_(\d+)_(\d+)_(\d+)_(\d+)')


def read_tile_list(path: str | Path) -> list[str]:
    """Names of a published tile list.

    Args:
        path (str | Path): A line holds the path of an image, optionally
            followed by that of its mask; only the name of the image counts.

    Returns:
        list[str]: Names without folder and ending, in order.

    Raises:
        ValueError: If a name is given twice, or the list is empty or no text
            in UTF-8.
    """
    lines = read_lines(Path(path).read_bytes(), path)
    names = [PurePosixPath(line.split()[0]).stem for line in lines]
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice or not names:
        fault = f'{twice[0]} is listed twice' if twice else 'no tile listed'
        raise ValueError(f'{path}: {fault}; give every tile once')
    return names


def parse_tile_name(name: str) -> tuple[str, int, int, int, int]:
    """Scene, y0, y1, x0 and x1 (px) of a tile.

    Raises:
        ValueError: If the name has another form.
    """
    match = _TILE.fullmatch(name)
    if match is None:
        raise ValueError(
            f'{name!r} is not a tile name; expected SCENE_y0_y1_x0_x1, such '
            'as P0003_0_256_206_462'
        )
    y0, y1, x0, x1 = map(int, match.groups()[1:])
    return match[1], y0, y1, x0, x1


def tile_name(scene: str, window: Window) -> str:
    """The inverse of :func:`parse_tile_name`."""
    x, y, width, height = window
    return f'{scene}_{y}_{y + height}_{x}_{x + width}'
