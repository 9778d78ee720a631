# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How much memory a scene will take, stated before the run."""

import sys

import numpy as np

from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.writing.geotiff import BLOCK

# Bytes of blocks that GDAL keeps: a block is read for two strips of windows,
# but written once.
READ_CACHE = 64 * 2**20
WRITE_CACHE = 32 * 2**20
# Threads, coordinate tables and compression of GDAL, the preview, and what the
# allocator keeps; measured, see docs/notes/scenes.md.
_LIBRARIES = 128 * 2**20
# The polygons of one block, which are cut to bound them, and their libraries.
_POLYGONS = 256 * 2**20


def peak_memory() -> int:
    """Peak memory of this process in bytes, or 0 where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def scene_memory(
    scan: Scan,
    source: RasterSource,
    keep_scores: bool,
    trace_polygons: bool = False,
) -> int:
    """Bytes the scan of a scene takes besides the model.

    The terms grow with the window, the batch and the width of the lane; the
    size of the scene is in none of them.

    Args:
        scan (Scan): The scan of a lane.
        source (RasterSource): The scene.
        keep_scores (bool): Whether `scores.tif` is written.
        trace_polygons (bool): Whether polygons are written.
    """
    maps, rows = scan.num_scores, scan.strips.size
    seen, wide = scan.columns.length, scan.lane.right - scan.lane.left
    scores = 4 * maps * rows * seen
    if source.grid != source.shape:
        scores *= 3  # rows in waiting, and their copy while rows are added
        scores += 4 * maps * 64 * (3 * seen + 2 * wide)
    value = np.dtype(source.data.dtypes[0]).itemsize
    image = 2 * rows * seen * (3 * value + 4)  # this strip, the next one
    windows = 4 * scan.batch * rows * scan.columns.size * (3 + 3 * maps)
    height = max(round(rows * source.shape[0] / source.grid[0]), BLOCK)
    pieces = height * wide * (3 + 2 * maps * keep_scores)
    fixed = READ_CACHE + _LIBRARIES + _POLYGONS * trace_polygons
    return round(scores + image + windows + pieces + fixed)


def readable(count: float) -> str:
    """Bytes as text: '1.50 GiB'."""
    for unit in ('B', 'KiB', 'MiB'):
        if count < 1024:
            return f'{count:.0f} {unit}'
        count /= 1024
    return f'{count:.2f} GiB'
