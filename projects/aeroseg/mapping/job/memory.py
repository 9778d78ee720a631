# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How much memory a scene will take, said before the run."""

import sys
from pathlib import Path

import numpy as np
import torch

from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.writing.geotiff import BLOCK

# Bytes of tiles that GDAL keeps: a tile is read for two rows of windows, but
# written once.
READ_CACHE = 64 * 2**20
WRITE_CACHE = 32 * 2**20
# Threads, coordinate tables and compression of GDAL, the preview, and what the
# allocator keeps; measured, see docs/predict.md.
_LIBRARIES = 128 * 2**20
# The polygons of one block, which are cut to bound them, and their libraries.
_POLYGONS = 256 * 2**20


def process_memory() -> int:
    """Bytes this process holds now, or 0 where the system does not tell."""
    status = Path('/proc/self/status')
    if not status.is_file():
        return 0
    for line in status.read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) * 1024
    return 0


def peak_memory() -> int:
    """The most bytes this process has held, or 0 where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def warm_up(scan: Scan, first: int = 0) -> None:
    """Predict one batch of grey, so that the model's own peak is known.

    Args:
        scan (Scan): The scan.
        first (int): Row of the grid it will start with.
    """
    count = min(scan.batch, len(scan.columns))
    size = scan.bands.size, scan.columns.size
    window = scan.bands.first_reaching(first) * len(scan.columns)
    images = torch.full((count, 3, *size), 128.0)
    scan.model.predict_scores(images, window)


def scene_memory(
    scan: Scan,
    source: RasterSource,
    keep_scores: bool,
    trace_polygons: bool = False,
) -> int:
    """Bytes the scan of a scene takes beside the model.

    The terms grow with the window, the batch and the width of the scene; its
    height is in none of them.

    Args:
        scan (Scan): The scan.
        source (RasterSource): The scene.
        keep_scores (bool): Whether `scores.tif` is wanted.
        trace_polygons (bool): Whether polygons are wanted.
    """
    maps, rows = scan.num_scores, scan.bands.size
    seen, wide = source.grid[1], source.shape[1]
    band = 4 * maps * rows * seen
    if source.grid != source.shape:
        band *= 3  # rows in waiting, and their copy while rows are added
        band += 4 * maps * 64 * (3 * seen + 2 * wide)
    value = np.dtype(source.data.dtypes[0]).itemsize
    image = 2 * rows * seen * (3 * value + 4)  # this band, the next one
    window = 4 * scan.batch * rows * scan.columns.size * (3 + 3 * maps)
    height = max(round(rows * source.shape[0] / source.grid[0]), BLOCK)
    pieces = height * wide * (3 + 2 * maps * keep_scores)
    fixed = READ_CACHE + _LIBRARIES + _POLYGONS * trace_polygons
    return round(band + image + window + pieces + fixed)


def readable(count: float) -> str:
    """Bytes as text: '1.50 GiB'."""
    for unit in ('B', 'KiB', 'MiB'):
        if count < 1024:
            return f'{count:.0f} {unit}'
        count /= 1024
    return f'{count:.2f} GiB'
