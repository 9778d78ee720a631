# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.transform import from_origin

from aeroseg.mapping.reading.pixel_area import row_areas

# WGS 84: the meridian's and the parallel's radius of curvature.
A, E2 = 6378137.0, 0.00669437999014


def _degree_area(latitude: float, step: float) -> float:
    sine = np.sin(np.radians(latitude))
    down = A * (1 - E2) / (1 - E2 * sine**2) ** 1.5 * np.radians(step)
    across = A / np.sqrt(1 - E2 * sine**2) * np.cos(np.radians(latitude))
    return down * across * np.radians(step)


@pytest.mark.parametrize('latitude', [0.0, 35.0, 60.0, -75.0])
def test_degrees_are_measured_on_the_ellipsoid(latitude: float) -> None:
    step = 1e-4
    place = from_origin(10, latitude + step / 2, step, step)
    crs = CRS.from_epsg(4326)
    (area,) = row_areas(crs, place, (1, 100))
    assert area == pytest.approx(_degree_area(latitude, step), rel=1e-5)


def test_rows_of_degrees_shrink_towards_the_pole() -> None:
    place = from_origin(10, 60, 0.1, 0.1)
    areas = row_areas(CRS.from_epsg(4326), place, (100, 50))
    assert (np.diff(areas) > 0).all()
    whole = 5 * 10 * (110.6e3**2) * np.cos(np.radians(55))
    assert areas.sum() * 50 == pytest.approx(whole, rel=0.02)


def test_projected_systems_use_the_area_on_the_map() -> None:
    crs, place = CRS.from_epsg(32633), from_origin(500000, 5e6, 0.5, 0.25)
    areas = row_areas(crs, place, (3, 1000))
    assert areas.tolist() == [0.125] * 3


def test_feet_become_metres() -> None:
    crs = CRS.from_epsg(2263)  # New York, US survey feet
    (area,) = row_areas(crs, from_origin(1e6, 2e5, 1, 1), (1, 9))
    assert area == pytest.approx(0.3048006**2, rel=1e-6)


def test_web_mercator_is_corrected_away_from_the_equator() -> None:
    crs = CRS.from_epsg(3857)
    north = from_origin(0, 8399737.9, 1, 1)  # 60 degrees
    (area,) = row_areas(crs, north, (1, 9))
    assert area == pytest.approx(0.25, rel=0.01)
    (area,) = row_areas(crs, from_origin(0, 0, 1, 1), (1, 9))
    assert area == 1


def test_tall_scenes_are_measured_at_some_rows() -> None:
    # A whole hemisphere: the area of every row is known in closed form.
    height, step = 9000, 90 / 9000
    crs, place = CRS.from_epsg(4326), from_origin(0, 90, step, step)
    areas = row_areas(crs, place, (height, 30))
    rows = [1000, 4321, 8999]
    expected = [_degree_area(90 - (row + 0.5) * step, step) for row in rows]
    assert areas[rows] == pytest.approx(expected, rel=1e-5)
