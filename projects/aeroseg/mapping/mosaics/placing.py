# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The grid of a mosaic, and where its rasters lie on it."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.shutil import copy
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT

from aeroseg.mapping.reading.gdal import gdal_errors
from aeroseg.mapping.reading.pixel_area import to_map

from .raster import Raster, opened

_TOLERANCE = 0.01  # pixels that a raster may lie off the grid
_LARGEST = 2**31 - 1  # pixels of a side, of GDAL


def choose_grid(rasters: Sequence[Raster]) -> tuple[CRS, Affine]:
    """The grid of most rasters.

    Args:
        rasters (Sequence[Raster]): At least one.

    Returns:
        tuple[CRS, Affine]: Coordinates, and the place of pixels; of the
        first raster, if as many have another grid.
    """
    grids = [(r.crs, _phase(r.transform), r) for r in rasters]
    upright = [g for g in grids if _is_upright(g[2].transform)]
    if not upright:
        # All are rotated: an upright grid that GDAL suggests.
        with ExitStack() as stack:
            data = opened(rasters[0].scene, stack)
            turned = stack.enter_context(WarpedVRT(data, crs=data.crs))
            return data.crs, turned.transform
    count = Counter((crs.to_wkt(), phase) for crs, phase, _ in upright)
    best = max(count.values())
    return next(
        (crs, raster.transform)
        for crs, phase, raster in upright
        if count[crs.to_wkt(), phase] == best
    )


def _is_upright(transform: Affine) -> bool:
    return transform.b == transform.d == 0 < transform.a and transform.e < 0


def _phase(transform: Affine) -> tuple[float, ...]:
    """The same for transforms of one grid: pixel size and its offset."""
    a, _, c, _, e, f = transform[:6]
    steps = (round(c / a % 1 / _TOLERANCE), round(f / e % 1 / _TOLERANCE))
    turn = round(1 / _TOLERANCE)
    return (round(a, 12), round(e, 12), *(step % turn for step in steps))


def place(
    raster: Raster, crs: CRS, transform: Affine
) -> tuple[Raster, tuple[int, int]]:
    """Put a raster on a grid.

    Args:
        raster (Raster): It.
        crs (CRS): Of the grid.
        transform (Affine): Of the grid, which is upright.

    Returns:
        tuple[Raster, tuple[int, int]]: The raster, resampled if it is not
        on the grid, and its first column and row there.

    Raises:
        ValueError: If it cannot be resampled, or would become too large.
    """
    if raster.crs == crs:
        columns, rows = _corners(raster, transform)
        near = np.rint([columns, rows]).astype(int)
        size = (near[:, 1] - near[:, 0]).tolist()
        off = np.abs(near - [columns, rows]).max()
        if size == [raster.shape[1], raster.shape[0]] and off < _TOLERANCE:
            return raster, (int(near[0, 0]), int(near[1, 0]))
    return _warp(raster, crs, transform)


def _corners(
    raster: Raster, transform: Affine
) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of the grid of a raster's two opposite corners."""
    height, width = raster.shape
    ends = np.array([0, width]), np.array([0, height])
    return to_map(~transform, *to_map(raster.transform, *ends))


def _warp(
    raster: Raster, crs: CRS, transform: Affine
) -> tuple[Raster, tuple[int, int]]:
    """A raster resampled to the grid, as the text of a warped VRT."""
    with ExitStack() as stack:
        stack.enter_context(gdal_errors(ValueError, str(raster.scene)))
        data = opened(raster.scene, stack)
        with WarpedVRT(data, crs=crs) as suggested:
            left, bottom, right, top = suggested.bounds
        columns, rows = to_map(
            ~transform, np.array([left, right]), np.array([top, bottom])
        )
        first = int(np.floor(columns[0])), int(np.floor(rows[0]))
        width = int(np.ceil(columns[1])) - first[0]
        height = int(np.ceil(rows[1])) - first[1]
        refuse_size(width, height, f'{raster.scene} in {crs}')
        warped = stack.enter_context(
            WarpedVRT(
                data,
                crs=crs,
                transform=moved_to(transform, *first),
                width=width,
                height=height,
                resampling=Resampling.bilinear,
                src_nodata=float('nan') if raster.bare else None,
                add_alpha=ColorInterp.alpha not in data.colorinterp,
            )
        )
        folder = stack.enter_context(TemporaryDirectory())
        path = Path(folder) / 'warped.vrt'
        copy(warped, path, driver='VRT')
        placed = raster._replace(
            source=path.read_text('utf-8'),
            shape=(height, width),
            block=warped.block_shapes[0],
            bare=False,
        )
        return placed, first


def moved_to(transform: Affine, column: int, row: int) -> Affine:
    """The transform of the part of a grid that starts at a pixel.

    Args:
        transform (Affine): Of the grid.
        column (int): Of the pixel; may be negative.
        row (int): Of the pixel; may be negative.
    """
    a, b, _, d, e, _ = transform[:6]
    x, y = to_map(transform, np.array([column]), np.array([row]))
    return Affine(a, b, float(x[0]), d, e, float(y[0]))


def refuse_size(width: int, height: int, what: str) -> None:
    """Make sure that GDAL can hold a raster.

    Args:
        width (int): Pixels.
        height (int): Pixels.
        what (str): For the message.

    Raises:
        ValueError: If a side is too long.
    """
    if max(width, height) > _LARGEST:
        raise ValueError(
            f'{what} would have {width} x {height} pixels; no side may have '
            f'more than {_LARGEST}. Leave out rasters that lie far apart'
        )
