# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Rasters of tests that lie next to each other."""

from typing import Any

import numpy as np
from rasterio.transform import Affine, from_origin

from aeroseg.mapping.reading.raster_source import RasterSource

LEFT, TOP = 350000, 5640000


def values(seed: int, shape: tuple[int, int] = (100, 90)) -> np.ndarray:
    """Random values (H, W, 3), smooth enough for resampling; never 0."""
    small = np.random.default_rng(seed).integers(20, 250, (12, 12, 3))
    big = small.repeat(10, axis=0).repeat(10, axis=1)
    return big[: shape[0], : shape[1]].astype(np.uint8)


def at(column: float, row: float, size: float = 0.5) -> Affine:
    return from_origin(LEFT + column * 0.5, TOP - row * 0.5, size, size)


def turned(column: float, row: float, degrees: float) -> Affine:
    """A place with rotated pixels of 0.5 m."""
    a, b = (0.5 * f(np.radians(degrees)) for f in (np.cos, np.sin))
    here = at(column, row)
    return Affine(a, b, here.c, b, -a, here.f)


def at_pixel(transform: Affine, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = transform[:6]
    return a * x + b * y + c, d * x + e * y + f


def whole(scene: Any) -> tuple[np.ndarray, np.ndarray]:
    with RasterSource(scene) as source:
        return source.read(0, source.shape[0])
