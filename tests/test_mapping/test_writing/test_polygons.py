# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyogrio.raw import read
from rasterio.transform import from_origin

from aeroseg.apis import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.writing import polygons
from aeroseg.mapping.writing.polygons import write_polygons

Write = Callable[..., Path]


@pytest.fixture
def labels() -> np.ndarray:
    """Blobs of three classes, with a hole without data."""
    noise = np.random.default_rng(3).random((12, 9))
    big = np.kron(noise, np.ones((10, 10)))
    y, x = np.mgrid[:120, :90]
    wave = big + 0.2 * np.sin(x / 5) + 0.2 * np.cos(y / 7)
    found = np.digitize(wave, (0.4, 0.7)).astype(np.uint8)
    found[30:40, 20:50] = 255
    return found


@pytest.fixture
def raster(
    labels: np.ndarray,
    write_scene: Write,
    write_labels: Write,
    scheme: LabelScheme,
) -> Path:
    source = RasterSource(write_scene(labels[..., None].repeat(3, axis=2)))
    return write_labels(labels, source, scheme)


def _read(path: Path) -> tuple[dict, np.ndarray, np.ndarray]:
    meta, _, geometry, (ids, names) = read(path)
    assert set(zip(ids, names, strict=True)) <= {
        (0, 'building'),
        (1, 'road'),
        (2, 'tree'),
    }
    return meta, shapely.from_wkb(geometry), ids


def _assert_all_data_covered_once(path: Path, labels: np.ndarray) -> None:
    _, shapes, _ = _read(path)
    together = shapely.union_all(shapes, grid_size=1e-6)
    data = 0.25 * (labels != 255).sum()
    assert shapely.area(shapes).sum() == pytest.approx(data)
    assert together.area == pytest.approx(data)


def test_unsimplified_polygons_have_the_area_of_the_pixels(
    raster: Path, labels: np.ndarray, scheme: LabelScheme, tmp_path: Path
) -> None:
    path = tmp_path / 'p.gpkg'
    count = write_polygons(raster, path, scheme, tolerance=0)
    meta, shapes, ids = _read(path)
    assert count == len(ids)
    assert meta['crs'] == 'EPSG:25832'
    for index in range(3):
        area = shapely.area(shapes[ids == index]).sum()
        assert area == pytest.approx(0.25 * (labels == index).sum())


def test_simplified_polygons_leave_no_gap_and_no_overlap(
    raster: Path, labels: np.ndarray, scheme: LabelScheme, tmp_path: Path
) -> None:
    path = tmp_path / 'p.gpkg'
    write_polygons(raster, tmp_path / 'all.gpkg', scheme, tolerance=0)
    write_polygons(raster, path, scheme, tolerance=2)
    _, shapes, _ = _read(path)
    full = shapely.get_num_coordinates(_read(tmp_path / 'all.gpkg')[1]).sum()
    assert shapely.get_num_coordinates(shapes).sum() < 0.7 * full
    assert shapely.is_valid(shapes).all()
    pixels = shapely.transform(
        shapes,
        lambda p: np.stack(
            [(p[:, 0] - 350000) * 2, (5640000 - p[:, 1]) * 2], axis=1
        ),
    )
    assert shapely.coverage_is_valid(pixels)
    together = shapely.union_all(pixels)
    assert shapely.area(pixels).sum() == pytest.approx(together.area)
    # One outline and the hole without data; a gap would be another ring.
    assert len(together.interiors) == 1


def test_blocks_meet_without_gaps(
    raster: Path,
    labels: np.ndarray,
    scheme: LabelScheme,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polygons, '_BLOCK', 50)
    path = tmp_path / 'p.gpkg'
    write_polygons(raster, path, scheme, tolerance=2)
    _assert_all_data_covered_once(path, labels)


def test_ragged_blocks_are_cut_up(
    raster: Path,
    labels: np.ndarray,
    scheme: LabelScheme,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, cut = tmp_path / 'whole.gpkg', tmp_path / 'cut.gpkg'
    few = write_polygons(raster, whole, scheme, tolerance=2)
    sides = sum(
        np.count_nonzero(np.diff(labels, axis=axis)) for axis in (0, 1)
    )
    monkeypatch.setattr(polygons, '_RAGGED', int(sides))
    assert write_polygons(raster, cut, scheme, tolerance=2) == few
    monkeypatch.setattr(polygons, '_RAGGED', 300)
    assert write_polygons(raster, cut, scheme, tolerance=2) > few
    _assert_all_data_covered_once(cut, labels)


def test_geojson_is_in_degrees(
    raster: Path, scheme: LabelScheme, tmp_path: Path
) -> None:
    path = tmp_path / 'p.geojson'
    write_polygons(raster, path, scheme)
    meta, shapes, _ = _read(path)
    assert meta['crs'] == 'EPSG:4326'
    west, south, east, north = shapely.total_bounds(shapes)
    assert 6 < west < east < 7
    assert 50 < south < north < 51


def test_scene_without_place_is_traced_in_pixels(
    labels: np.ndarray,
    write_scene: Write,
    write_labels: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    plain = labels[..., None].repeat(3, axis=2)
    identity = from_origin(0, 0, 1, -1)
    source = RasterSource(write_scene(plain, crs=None, transform=identity))
    path = write_labels(labels, source, scheme)
    write_polygons(path, tmp_path / 'p.gpkg', scheme, 0)
    _, shapes, _ = _read(tmp_path / 'p.gpkg')
    assert shapely.total_bounds(shapes).tolist() == [0, 0, 90, 120]
