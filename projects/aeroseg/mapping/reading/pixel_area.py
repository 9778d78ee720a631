# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Metres and square metres on the ground per pixel."""

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.warp import transform as transform_points

from .gdal import gdal_errors

# Cylindrical equal-area projection of the whole Earth (EASE-Grid 2.0).
_EQUAL_AREA = CRS.from_epsg(6933)
_WGS84 = CRS.from_epsg(4326)
# WGS 84: equatorial radius in metres and squared eccentricity.
_RADIUS, _ECCENTRICITY = 6378137.0, 0.00669437999014
_COLUMNS, _ROWS = 9, 1025  # pixels whose area is measured, at most
_MAP_TOLERANCE = 0.01


def ground_resolution(data: DatasetReader) -> tuple[float, float] | None:
    """Size of the pixel in the middle of a scene, on the ground.

    Args:
        data (DatasetReader): An open raster.

    Returns:
        tuple[float, float] | None: Metres (down, across). Unlike the pixel
        size of the map these hold for degrees and for Web Mercator as well.
        None if there is no CRS, or if it has no known place on Earth.
    """
    if data.crs is None:
        return None
    x, y = data.width / 2, data.height / 2
    columns, rows = np.array([x, x, x + 1]), np.array([y, y + 1, y])
    place = to_map(data.transform, columns, rows)
    try:
        with gdal_errors(CRSError):
            lon, lat = transform_points(data.crs, _WGS84, *place)
    except CRSError:
        return None
    lon, lat = np.radians(lon), np.radians(lat)
    # Radii of curvature: of the meridian, and of the circle of latitude.
    flat = 1 - _ECCENTRICITY * np.sin(lat[0]) ** 2
    meridian = _RADIUS * (1 - _ECCENTRICITY) / flat**1.5
    parallel = _RADIUS * np.cos(lat[0]) / flat**0.5
    east, north = lon[1:] - lon[0], meridian * (lat[1:] - lat[0])
    down, across = np.hypot(parallel * east, north)
    if not (np.isfinite(down * across) and down > 0 and across > 0):
        return None
    return float(down), float(across)


def to_map(
    transform: Affine, columns: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of pixel corners.

    Args:
        transform (Affine): From pixels to coordinates.
        columns (np.ndarray): (N,), 0 is the left edge of the scene.
        rows (np.ndarray): (N,), 0 is its upper edge.

    Returns:
        tuple[np.ndarray, np.ndarray]: East and north, (N,) each.
    """
    a, b, c, d, e, f = transform[:6]
    return a * columns + b * rows + c, d * columns + e * rows + f


def is_on_earth(data: DatasetReader) -> bool:
    """Whether all of a scene has a known longitude and latitude.

    Args:
        data (DatasetReader): An open raster.
    """
    if data.crs is None:
        return False
    axes = (np.linspace(0, side, _COLUMNS) for side in data.shape[::-1])
    columns, rows = (axis.ravel() for axis in np.meshgrid(*axes))
    place = to_map(data.transform, columns, rows)
    try:
        with gdal_errors(CRSError):
            lon, lat = map(
                np.array, transform_points(data.crs, _WGS84, *place)
            )
    except CRSError:
        return False
    # Longitudes may run from 0 to 360; nan fails as well.
    return bool((abs(lon) <= 361).all() and (abs(lat) <= 90).all())


def known_row_areas(data: DatasetReader) -> np.ndarray | None:
    """Area of a pixel per row, where the scene has a place on Earth.

    Args:
        data (DatasetReader): An open raster.

    Returns:
        np.ndarray | None: (H,) square metres; None if they are unknown.
    """
    if not is_on_earth(data):
        return None
    try:
        with gdal_errors(CRSError), np.errstate(all='ignore'):
            areas = row_areas(data.crs, data.transform, data.shape)
    except CRSError:
        return None
    known = np.isfinite(areas).all() and (areas > 0).all()
    return areas if known else None


def row_areas(
    crs: CRS, transform: Affine, shape: tuple[int, int]
) -> np.ndarray:
    """Area of a pixel on the ground, per row.

    In a projected system it is the area on the map, as GIS programs give it,
    unless the map is more than 1 % off in the scene (Web Mercator far from
    the equator). In degrees, or on such a map, it is the area on the
    ellipsoid: the corners of pixels go through an equal-area projection.

    Args:
        crs (CRS): Of the scene.
        transform (Affine): From pixels to coordinates.
        shape (tuple[int, int]): (H, W) of the scene.

    Returns:
        np.ndarray: (H,) square metres.
    """
    height, width = shape
    # The area changes smoothly from row to row: not all are projected.
    places = np.linspace(0, height - 1, min(height, _ROWS))
    true = _ellipsoid_areas(crs, transform, places, width)
    if crs.is_projected:
        unit = crs.linear_units_factor[1]
        on_map = abs(transform.determinant) * unit**2
        if np.abs(true / on_map - 1).max() <= _MAP_TOLERANCE:
            return np.full(height, on_map)
    return np.interp(np.arange(height), places, true)


def _ellipsoid_areas(
    crs: CRS, transform: Affine, rows: np.ndarray, width: int
) -> np.ndarray:
    columns = np.linspace(0, width - 1, min(width, _COLUMNS)).astype(int)
    x, y = (axis.ravel() for axis in np.meshgrid(columns, rows))
    corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]
    places = []
    for column, row in corners:
        edge = to_map(transform, column, row)
        moved = transform_points(crs, _EQUAL_AREA, *edge)
        places.append(np.array(moved))
    (ax, ay), (bx, by) = places[2] - places[0], places[3] - places[1]
    area = np.abs(ax * by - ay * bx) / 2
    return area.reshape(len(rows), len(columns)).mean(axis=1)
