# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Lanes: wide scenes are cut into columns that are mapped one by one.

The scores of a row of windows are held in memory. In lanes of a bounded
width this depends neither on the height nor on the width of a scene.
"""

from itertools import pairwise
from typing import NamedTuple

from aeroseg.mapping.reading.image_source import Source

from .resample_rows import ResampleAxis
from .tiling import Tiling

_WINDOWS = 64  # per row of a lane, about; two lanes share one more
_TILE = 512  # lanes end where tiles of the resulting GeoTIFF do


class Lane(NamedTuple):
    """Columns of a scene, from `left` to before `right`.

    Attributes:
        number (int): From 0 on the left.
        left (int): First column of the scene.
        right (int): Column after the last one.
        first (int): First column of the grid that they are computed from.
        last (int): Column of the grid after the last one.
    """

    number: int
    left: int
    right: int
    first: int
    last: int


def whole(source: Source) -> Lane:
    """All columns of a scene as one lane."""
    return Lane(0, 0, source.shape[1], 0, source.grid[1])


def make_lanes(
    source: Source, tiling: Tiling, windows: int = _WINDOWS
) -> list[Lane]:
    """Cut a scene into lanes.

    They depend on the scene and the windows alone, not on who maps them.

    Args:
        source (Source): The scene.
        tiling (Tiling): The windows.
        windows (int): Windows per row of a lane, about.

    Returns:
        list[Lane]: From left to right, without gaps; one lane for a scene
        that is not wide. The last one is half to one and a half times as
        wide as the others.
    """
    width = source.shape[1]
    per_window = width / len(tiling.axis(source.grid[1]))
    step = max(1, round(windows * per_window / _TILE)) * _TILE
    ends = list(range(step, width - step // 2, step))
    axis = ResampleAxis(source.grid[1], width)
    return [
        Lane(
            number,
            left,
            right,
            axis.first_needed(left),
            axis.last_needed(right - 1) + 1,
        )
        for number, (left, right) in enumerate(pairwise([0, *ends, width]))
    ]
