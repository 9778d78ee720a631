# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Metres and square metres on the ground per pixel."""

import numpy as np
from rasterio.crs import CRS
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.warp import transform as transform_points

# Cylindrical equal-area projection of the whole Earth (EASE-Grid 2.0).
_EQUAL_AREA = CRS.from_epsg(6933)
_WGS84 = CRS.from_epsg(4326)
_EARTH_RADIUS = 6371008.8  # mean radius in metres, for distances only
_COLUMNS = 9
_MAP_TOLERANCE = 0.01


def ground_resolution(data: DatasetReader) -> tuple[float, float]:
    """Size of the pixel in the middle of a scene, on the ground.

    Args:
        data (DatasetReader): An open, georeferenced raster.

    Returns:
        tuple[float, float]: Metres (down, across). Unlike the pixel size of
        the map these hold for degrees and for Web Mercator as well.
    """
    x, y = data.width / 2, data.height / 2
    corners = np.array([(x, y), (x, y + 1), (x + 1, y)])
    place = [data.transform * tuple(corner) for corner in corners]
    lon, lat = transform_points(data.crs, _WGS84, *zip(*place, strict=True))
    lon, lat = np.radians(lon), np.radians(lat)
    east = (lon[1:] - lon[0]) * np.cos(lat[0])
    down, across = np.hypot(east, lat[1:] - lat[0]) * _EARTH_RADIUS
    return float(down), float(across)


def row_areas(
    crs: CRS, transform: Affine, rows: np.ndarray, width: int
) -> np.ndarray:
    """Area of a pixel on the ground, per row.

    In a projected system it is the area on the map, as GIS programs give it,
    unless the map is more than 1 % off there (Web Mercator far from the
    equator). In degrees, or on such a map, it is the area on the ellipsoid:
    the corners of the pixels go through an equal-area projection.

    Args:
        crs (CRS): Of the scene.
        transform (Affine): From pixels to coordinates.
        rows (np.ndarray): (N,) numbers of rows.
        width (int): Pixels per row.

    Returns:
        np.ndarray: (N,) square metres.
    """
    true = _ellipsoid_areas(crs, transform, rows, width)
    if crs.is_projected:
        unit = crs.linear_units_factor[1]
        on_map = abs(transform.determinant) * unit**2
        if np.abs(true / on_map - 1).max() <= _MAP_TOLERANCE:
            return np.full(len(rows), on_map)
    return true


def _ellipsoid_areas(
    crs: CRS, transform: Affine, rows: np.ndarray, width: int
) -> np.ndarray:
    columns = np.linspace(0, width - 1, min(width, _COLUMNS)).astype(int)
    x, y = (grid.ravel() for grid in np.meshgrid(columns, rows))
    corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]
    places = []
    for column, row in corners:
        east, north = transform * (column, row)
        moved = transform_points(crs, _EQUAL_AREA, east, north)
        places.append(np.array(moved))
    (ax, ay), (bx, by) = places[2] - places[0], places[3] - places[1]
    area = np.abs(ax * by - ay * bx) / 2
    return area.reshape(len(rows), len(columns)).mean(axis=1)
