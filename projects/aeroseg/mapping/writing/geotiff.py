# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Label maps and scores as cloud-optimised GeoTIFFs."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window

from aeroseg.files import atomic_path
from aeroseg.mapping.block import Block
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.gdal import gdal_errors, ignore_warning
from aeroseg.mapping.reading.raster_source import RasterSource

BLOCK = 512
SCORE_NODATA = 255
SCORE_STEPS = 254  # 1.0 is stored as 254


@contextmanager
def label_draft(
    pieces: Iterable[tuple[Block, np.ndarray]],
    source: RasterSource,
    scheme: LabelScheme,
    work: Path,
) -> Iterator[Path]:
    """The content of `labels.tif`, uncompressed: quick to read again.

    Args:
        pieces (Iterable[tuple[Block, np.ndarray]]): Blocks and their ids
            (h, w), lane by lane and from top to bottom.
        source (RasterSource): Gives size, CRS and transform.
        scheme (LabelScheme): Gives type, 'no data', names and colours.
        work (Path): Folder for the draft.

    Yields:
        Path: The draft, with ids, colours, names and overviews; it lives as
        long as the block.

    Raises:
        OSError: If the draft cannot be written.
    """
    classes = scheme.classes
    names = {f'CLASS_{i}': name for i, name in enumerate(classes.names)}

    def describe(data: Any) -> None:
        data.update_tags(1, **names)
        data.set_band_description(1, 'class')
        colours = dict(enumerate(classes.palette))
        data.write_colormap(1, colours | {scheme.nodata: (0, 0, 0, 0)})

    expanded = ((block, labels[None]) for block, labels in pieces)
    profile = _profile(source, 1, scheme.dtype, scheme.nodata)
    # As GDAL does for colour tables; 'mode' takes longer than the rest.
    how = Resampling.nearest
    path = work / 'labels.tif'
    with _tiled(path, profile, expanded, describe, how) as draft:
        yield draft


@contextmanager
def score_draft(
    pieces: Iterable[tuple[Block, np.ndarray]],
    source: RasterSource,
    scheme: LabelScheme,
    work: Path,
) -> Iterator[Path]:
    """The content of `scores.tif`: a band per class, GIS shows 0-1.

    Args:
        pieces (Iterable[tuple[Block, np.ndarray]]): Blocks and their
            quantised scores (S, h, w), lane by lane and from top to bottom.
        source (RasterSource): Gives size, CRS and transform.
        scheme (LabelScheme): Gives the names.
        work (Path): Folder for the draft.

    Yields:
        Path: The draft; it lives as long as the block.

    Raises:
        OSError: If the draft cannot be written.
    """
    names = scheme.classes.names[: scheme.num_scores]

    def describe(data: Any) -> None:
        data.descriptions = names
        data.scales = [1 / SCORE_STEPS] * len(names)

    profile = _profile(source, len(names), np.uint8, SCORE_NODATA)
    how = Resampling.average
    path = work / 'scores.tif'
    with _tiled(path, profile, pieces, describe, how) as draft:
        yield draft


def _profile(
    source: RasterSource, count: int, dtype: Any, nodata: int
) -> dict[str, Any]:
    profile = {
        'driver': 'GTiff',
        'height': source.shape[0],
        'width': source.shape[1],
        'count': count,
        'dtype': dtype,
        'nodata': nodata,
        'tiled': True,
        'blockxsize': BLOCK,
        'blockysize': BLOCK,
        'interleave': 'pixel',
        'bigtiff': 'IF_SAFER',
    }
    if source.georeferenced:
        profile |= {'crs': source.data.crs, 'transform': source.transform}
    return profile


@contextmanager
def _tiled(
    path: Path,
    profile: dict[str, Any],
    pieces: Iterable[tuple[Block, np.ndarray]],
    describe: Callable[[Any], None],
    how: Resampling,
) -> Iterator[Path]:
    """A tiled GeoTIFF with overviews; it lives as long as the block."""
    factors = _overviews(max(profile['height'], profile['width']))
    try:
        with (
            ignore_warning(NotGeoreferencedWarning),
            rasterio.open(path, 'w', **profile) as data,
        ):
            describe(data)
            for left, top, rows in regroup(pieces, BLOCK):
                size = Window(left, top, rows.shape[2], rows.shape[1])
                data.write(rows, window=size)
            if factors:
                _build_overviews(data, factors, how)
        _check_size(path, profile, factors)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _overviews(side: int) -> list[int]:
    """By how much the overviews shrink: halves until one tile holds it."""
    factors: list[int] = []
    while side > BLOCK:
        side = -(-side // 2)
        factors.append(2 ** (len(factors) + 1))
    return factors


def _build_overviews(data: Any, factors: list[int], how: Resampling) -> None:
    # Made of the open draft they take a tenth of the time that GDAL needs
    # for them while it writes the final file.
    with gdal_errors(OSError, data.name):
        data.build_overviews(factors, how)


def _check_size(
    path: Path, profile: dict[str, Any], factors: list[int]
) -> None:
    # GDAL does not report errors that occur when a file is closed.
    tiles = 0
    for factor in (1, *factors):
        down, across = (
            -(-profile[side] // (factor * BLOCK))
            for side in ('height', 'width')
        )
        tiles += down * across
    values = tiles * BLOCK * BLOCK * profile['count']
    if path.stat().st_size < values * np.dtype(profile['dtype']).itemsize:
        raise OSError(f'{path.name} could not be written completely')


def regroup(
    pieces: Iterable[tuple[Block, np.ndarray]], height: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Regroup rows so that a row of GeoTIFF tiles is written at once.

    Args:
        pieces (Iterable[tuple[Block, np.ndarray]]): Blocks and their rows
            (C, h, w), lane by lane and from top to bottom without a gap.
        height (int): Rows of a tile.

    Yields:
        tuple[int, int, np.ndarray]: First column, first row and rows
        (C, `height`, w); the last ones of a lane may be fewer.
    """
    for left, lane in groupby(pieces, lambda piece: piece[0].left):
        held: list[np.ndarray] = []
        first = count = 0
        for _, rows in lane:
            held.append(rows)
            count += rows.shape[1]
            if count < height:
                continue
            joined = np.concatenate(held, axis=1)
            while count >= height:
                yield left, first, joined[:, :height]
                joined, first = joined[:, height:], first + height
                count -= height
            held = [joined]
        if count:
            yield left, first, np.concatenate(held, axis=1)


def write_cog(draft: Path, path: Path) -> None:
    """Write a cloud-optimised GeoTIFF.

    Args:
        draft (Path): Gives everything that is in it, overviews included.
        path (Path): The file to make.

    Raises:
        OSError: If it cannot be written.
    """
    with (
        atomic_path(path) as part,
        ignore_warning(NotGeoreferencedWarning),
        gdal_errors(OSError, path.name),
    ):
        copy_raster(
            draft,
            part,
            driver='COG',
            blocksize=BLOCK,
            compress='DEFLATE',
            level=3,  # a tenth larger than 6, three times as fast
            num_threads='ALL_CPUS',
            bigtiff='IF_SAFER',
        )
