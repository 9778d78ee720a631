# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Label maps as polygons for GIS programs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import shapes
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from aeroseg.files import atomic_path
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.mapping.reading.pixel_area import to_map

from .geoparquet import GeoParquet

_BLOCK = 4096  # pixels; larger scenes are cut into blocks of this side
_RAGGED = 2**19  # pixel sides between classes; blocks with more are cut up
_FORMATS = {'.gpkg': 'GPKG', '.geojson': 'GeoJSON'}
_DATE = '1970-01-01T00:00:00.000Z'
_WGS84 = 'EPSG:4326'


class Block(NamedTuple):
    """A block of a label map: its upper left corner and ids (h, w)."""

    left: int
    top: int
    labels: np.ndarray


def write_polygons(
    labels: Path, path: Path, scheme: LabelScheme, tolerance: float = 1.0
) -> int:
    """Trace a label map.

    Neighbours keep their common border when it is simplified, so there are
    neither gaps nor overlaps. A scene is traced in blocks of 4096 pixels, and
    of less where the map is very ragged, so that memory depends neither on
    its area nor on what is in it; polygons end at the borders of blocks.
    GeoJSON is written in longitude and latitude, as its standard asks.

    Args:
        labels (Path): The finished `labels.tif`.
        path (Path): The file to make; '.gpkg', '.geojson' or '.parquet'.
        scheme (LabelScheme): Names.
        tolerance (float): In pixels; the area that a simplified border
            may cut off at a corner is about its square.

    Returns:
        int: Number of polygons.

    Raises:
        ImportError: If `pyogrio`, `shapely` or `pyarrow` is missing.
        OSError: If the file cannot be written completely.
    """
    with (
        ignore_warning(NotGeoreferencedWarning),
        ignore_warning(UserWarning),  # no CRS, which the notes say
        rasterio.open(labels) as data,
        atomic_path(path) as part,
    ):
        if path.suffix == '.parquet':
            return _write_parquet(data, part, scheme, tolerance)
        return _write_by_gdal(data, path, part, scheme, tolerance)


def _write_parquet(
    data: Any, part: Path, scheme: LabelScheme, tolerance: float
) -> int:
    names = np.array(scheme.classes.names, object)
    count = 0
    with GeoParquet(part, data.crs) as file:
        for block in _blocks(data):
            ids, geometry = _trace(data, block, scheme, tolerance)
            file.add(ids, names[ids], geometry)
            count += len(ids)
    return count


def _write_by_gdal(
    data: Any, path: Path, part: Path, scheme: LabelScheme, tolerance: float
) -> int:
    pyogrio = _require('pyogrio')
    # The same map gives the same bytes, whenever it is written.
    pyogrio.set_gdal_config_options({'OGR_CURRENT_DATE': _DATE})
    driver = _FORMATS[path.suffix]
    count = 0
    crs = data.crs.to_wkt() if data.crs else None
    if driver == 'GeoJSON' and crs:
        crs = _WGS84
    for block in _blocks(data):
        ids, geometry = _trace(data, block, scheme, tolerance)
        if driver == 'GeoJSON' and data.crs:
            geometry = _to_wgs84(geometry, data.crs)
        names = np.array(scheme.classes.names, object)[ids]
        try:
            pyogrio.raw.write(
                part,
                _require('shapely').to_wkb(geometry),
                field_data=[ids.astype(np.int32), names],
                fields=['id', 'class'],
                geometry_type='Polygon',
                crs=crs,
                driver=driver,
                layer='classes',
                append=count > 0,
            )
        except RuntimeError as error:  # of GDAL, such as a full disk
            raise OSError(f'{path.name}: {error}') from error
        count += len(ids)
    if driver == 'GPKG':
        _check_index(part, count)
    return count


def _check_index(path: Path, count: int) -> None:
    # On a full disk GDAL leaves out the index, which is written last,
    # without an error.
    try:
        with closing(sqlite3.connect(path)) as base:
            query = 'SELECT count(*) FROM rtree_classes_geom'
            (found,) = base.execute(query).fetchone()
    except sqlite3.Error as error:
        raise OSError(f'{path.name} is incomplete: {error}') from error
    if found != count:
        raise OSError(f'{path.name} indexes {found} of {count} polygons')


def _require(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f'polygons need {name}; install it with: pip install '
            'shapely pyogrio'
        ) from error


def _blocks(data: Any) -> Iterator[Block]:
    for top in range(0, data.height, _BLOCK):
        for left in range(0, data.width, _BLOCK):
            width = min(_BLOCK, data.width - left)
            height = min(_BLOCK, data.height - top)
            labels = data.read(1, window=Window(left, top, width, height))
            yield from _cut_up(labels, left, top)


def _cut_up(labels: np.ndarray, left: int, top: int) -> Iterator[Block]:
    """Quarters of a block, and of these, until none is too ragged."""
    height, width = labels.shape
    across = np.count_nonzero(labels[:, 1:] != labels[:, :-1])
    down = np.count_nonzero(labels[1:] != labels[:-1])
    if across + down <= _RAGGED:
        yield Block(left, top, np.ascontiguousarray(labels))
        return
    rows, columns = -(-height // 2), -(-width // 2)
    for y in range(0, height, rows):
        for x in range(0, width, columns):
            quarter = labels[y : y + rows, x : x + columns]
            yield from _cut_up(quarter, left + x, top + y)


def _trace(
    data: Any,
    block: Block,
    scheme: LabelScheme,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N,) and polygons (N,) of a block, in the CRS of the raster."""
    shapely = _require('shapely')
    found = list(_polygons(block.labels, scheme.nodata))
    ids = np.array([index for index, _ in found], np.int64)
    geometry = np.array([polygon for _, polygon in found], object)
    if tolerance > 0 and len(geometry):
        # A corner of every pixel becomes a vertex first: borders of three
        # classes then meet in a vertex of all three.
        dense = shapely.segmentize(geometry, 1)
        dense = shapely.transform(dense, np.rint)
        geometry = shapely.coverage_simplify(
            dense,
            tolerance,
            simplify_boundary=block.labels.shape == data.shape,
        )

    def place(points: np.ndarray) -> np.ndarray:
        columns = points[:, 0] + block.left
        rows = points[:, 1] + block.top
        return np.stack(to_map(data.transform, columns, rows), axis=1)

    return ids, shapely.transform(geometry, place)


def _polygons(labels: np.ndarray, nodata: int) -> Iterator[tuple[int, Any]]:
    shapely = _require('shapely')
    for shape, value in shapes(labels, mask=labels != nodata):
        shell, *holes = shape['coordinates']
        yield int(value), shapely.Polygon(shell, holes)


def _to_wgs84(geometry: np.ndarray, crs: Any) -> np.ndarray:
    def place(points: np.ndarray) -> np.ndarray:
        moved = transform_points(crs, _WGS84, points[:, 0], points[:, 1])
        return np.stack(moved, axis=1)

    return _require('shapely').transform(geometry, place)
