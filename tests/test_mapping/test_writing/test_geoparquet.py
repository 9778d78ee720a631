# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Polygons as GeoParquet: the same as GeoPackage, and metadata by the book."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyarrow import parquet
from pyogrio.raw import read
from rasterio.crs import CRS

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.writing import polygons
from aeroseg.mapping.writing.polygons import write_polygons

Write = Callable[..., Path]


@pytest.fixture
def labels() -> np.ndarray:
    small = np.random.default_rng(0).integers(0, 3, (12, 9), np.uint8)
    found = np.kron(small, np.ones((10, 10), np.uint8))
    found[30:40, 20:50] = 255
    return found


def test_the_polygons_of_the_geopackage(
    labels: np.ndarray,
    write_scene: Write,
    write_labels: Write,
    scheme: LabelScheme,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polygons, '_BLOCK', 50)
    source = RasterSource(write_scene(labels[..., None].repeat(3, axis=2)))
    raster = write_labels(labels, source, scheme)
    made, other = tmp_path / 'a.parquet', tmp_path / 'a.gpkg'
    count = write_polygons(raster, made, scheme)
    assert count == write_polygons(raster, other, scheme)
    _, _, geometry, (ids, names) = read(other)
    table = parquet.read_table(made)
    assert table['id'].to_pylist() == ids.tolist()
    assert table['class'].to_pylist() == names.tolist()
    found = shapely.from_wkb(table['geometry'].to_pylist())
    assert shapely.equals(found, shapely.from_wkb(geometry)).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(found)).all()
    assert parquet.ParquetFile(made).num_row_groups == 6
    told = json.loads(parquet.read_metadata(made).metadata[b'geo'])
    assert told['version'] == '1.1.0'
    column = told['columns'][told['primary_column']]
    assert column['geometry_types'] == ['Polygon']
    assert CRS.from_user_input(json.dumps(column['crs'])).to_epsg() == 25832
    assert column['bbox'] == shapely.total_bounds(found).tolist()
    boxes = [tuple(box.values()) for box in table['bbox'].to_pylist()]
    assert np.allclose(boxes, shapely.bounds(found))
    again = tmp_path / 'b.parquet'
    write_polygons(raster, again, scheme)
    assert made.read_bytes() == again.read_bytes()


def test_a_map_without_place_or_polygons(
    labels: np.ndarray,
    write_scene: Write,
    write_labels: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    empty = np.full_like(labels, 255)
    values = empty[..., None].repeat(3, axis=2)
    source = RasterSource(write_scene(values, crs=None, transform=None))
    raster = write_labels(empty, source, scheme)
    made = tmp_path / 'a.parquet'
    assert write_polygons(raster, made, scheme) == 0
    assert parquet.read_table(made).num_rows == 0
    told = json.loads(parquet.read_metadata(made).metadata[b'geo'])
    assert told['columns']['geometry']['crs'] is None
    assert 'bbox' not in told['columns']['geometry']
