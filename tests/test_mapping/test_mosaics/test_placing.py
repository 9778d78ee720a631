# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The grid of a mosaic; rasters on it, off it and elsewhere on Earth."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from data.rasters import LEFT, TOP, at, at_pixel, turned, values, whole
from rasterio.merge import merge
from rasterio.transform import Affine, from_origin
from rasterio.warp import Resampling, reproject
from rasterio.warp import transform as move

from aeroseg.mapping.mosaics.mosaic import Mosaic, make_mosaic
from aeroseg.mapping.reading.raster_source import RasterSource

Write = Callable[..., Path]


def test_another_crs_is_warped_onto_the_grid_of_most(
    pair: list[Path], write_scene: Write
) -> None:
    """Across the pair, in the next zone; it is the first, and so wins."""
    (x,), (y,) = move('EPSG:25832', 'EPSG:32631', [LEFT + 20], [TOP - 10])
    there, pixels = from_origin(x, y, 0.5, 0.5), values(3)
    path = write_scene(pixels, 'zone.tif', crs='EPSG:32631', transform=there)
    with RasterSource(make_mosaic([path, *pair])) as source:
        assert source.data.crs.to_epsg() == 25832
        first = source.transform
        assert (first.a, first.c % 0.5, first.f % 0.5) == (0.5, 0, 0)
        image, valid = source.read(0, source.shape[0])
    with rasterio.open(path) as data:
        expected = np.zeros(image.shape, np.uint8)
        reproject(
            rasterio.band(data, (1, 2, 3)),
            expected,
            dst_transform=first,
            dst_crs='EPSG:25832',
            resampling=Resampling.bilinear,
        )
    seen = (expected > 0).all(axis=0)
    assert seen.sum() > 8500
    assert valid[seen].all()
    # GDAL warps to an eighth of a pixel.
    assert np.abs(image.astype(int) - expected)[:, seen].mean() < 0.5
    below, _ = merge(pair, nodata=0)
    left, top = round((LEFT - first.c) * 2), round((first.f - TOP) * 2)
    rest = ~seen[top : top + 140, left : left + 140] & (below > 0).all(axis=0)
    kept = image[:, top : top + 140, left : left + 140] == below
    assert kept[:, rest].mean() > 0.99


@pytest.mark.parametrize(
    ('transform', 'as_is'),
    [
        (at(60, 20), True),
        (at(60.001, 20), True),
        (at(60.4, 20), False),
        (at(60, 20, 0.6), False),
        (turned(60, 20, 30), False),
    ],
)
def test_a_raster_beside_the_grid_is_resampled(
    pair: list[Path], write_scene: Write, transform: Affine, as_is: bool
) -> None:
    pixels = values(3)
    path = write_scene(pixels, 'three.tif', transform=transform)
    mosaic = make_mosaic([path, *pair])
    assert isinstance(mosaic, Mosaic)
    assert ('Warped' in mosaic.vrt) is not as_is
    image, valid = whole(mosaic)
    # The middle of the raster, where it is on the grid.
    x, y = at_pixel(transform, 45, 50)
    with RasterSource(mosaic) as source:
        x, y = at_pixel(~source.transform, x, y)
    assert valid[int(y), int(x)]
    there = image[:, int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
    near = pixels[40:60, 35:55].reshape(-1, 3)
    assert (there.min(axis=(1, 2)) >= near.min(axis=0)).all()
    assert (there.max(axis=(1, 2)) <= near.max(axis=0)).all()


def test_rotated_rasters_alone_get_an_upright_grid(write_scene: Write) -> None:
    place = turned(0, 0, 20)
    paths = [
        write_scene(values(n), f'{n}.tif', transform=place) for n in (1, 2)
    ]
    with RasterSource(make_mosaic(paths)) as source:
        assert (source.transform.b, source.transform.d) == (0, 0)
        assert source.read(0, source.shape[0])[1].mean() > 0.5


def test_degrees_and_metres_in_one_mosaic(
    pair: list[Path], write_scene: Write
) -> None:
    """Most are in degrees, so the mosaic is."""
    (x,), (y,) = move('EPSG:25832', 'EPSG:4326', [LEFT], [TOP])
    size = 5e-6
    paths = [
        write_scene(
            values(n),
            f'{n}.tif',
            crs='EPSG:4326',
            transform=from_origin(x + 100 * n * size, y, size, size),
        )
        for n in (1, 2)
    ]
    with RasterSource(make_mosaic([*paths, pair[1]])) as source:
        assert source.data.crs.to_epsg() == 4326
        assert source.transform.a == pytest.approx(size)
        down, across = source.resolution or (0, 0)
        assert down == pytest.approx(0.556, abs=0.01)
        assert across < down
        assert source.pixel_areas is not None
        image, valid = source.read(0, source.shape[0])
    first, _ = whole(paths[0])
    place = next(
        (row, column)
        for row in range(3)
        for column in range(image.shape[2] - 90)
        if (image[:, row : row + 100, column : column + 90] == first).all()
    )
    assert place
    assert valid.any()
