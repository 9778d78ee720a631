# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Polygons that cut a scene: files of them, and the map inside."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from data.region_models import Maker, start_engine
from rasterio.transform import from_origin
from rasterio.warp import transform_geom

from aeroseg.mapping.aoi import read_area
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.region.scan_region import ScanByWorkers
from aeroseg.mapping.windows.tiling import Tiling

Write = Callable[..., Path]
OPTIONS = SceneOptions(Tiling(48, 16), scores=True, progress=False)
X, Y = 350000, 5640000  # upper left corner of the scenes


def rectangle(left: float, top: float, right: float, bottom: float) -> dict:
    """A polygon around pixels of 0.5 m, in UTM."""
    x = [X + column * 0.5 for column in (left, right)]
    y = [Y - row * 0.5 for row in (top, bottom)]
    ring = [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]]
    return {'type': 'Polygon', 'coordinates': [[*ring, ring[0]]]}


@pytest.fixture
def write_area(tmp_path: Path) -> Callable[..., Path]:
    """Write polygons in UTM as features in degrees."""

    def write(*polygons: dict, name: str = 'city.geojson') -> Path:
        path = tmp_path / name
        features = [
            {
                'type': 'Feature',
                'properties': {},
                'geometry': transform_geom('EPSG:25832', 'OGC:CRS84', one),
            }
            for one in polygons
        ]
        whole = {'type': 'FeatureCollection', 'features': features}
        path.write_text(json.dumps(whole))
        return path

    return write


def test_a_rectangle_is_the_map_of_a_crop(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    write_area: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    """A little smaller than the pixels, for the digits of degrees."""
    scene = write_scene(pixels)
    area = read_area(write_area(rectangle(10.1, 20.1, 79.9, 109.9)))
    crop = replace(OPTIONS, crop=(10, 20, 70, 90))
    cut = predict_scene(model, scene, tmp_path / 'a', scheme, crop)
    aoi = replace(OPTIONS, aoi=area)
    found = predict_scene(model, scene, tmp_path / 'b', scheme, aoi)
    for kind in ('labels', 'scores', 'classes'):
        made = found.files[kind].read_bytes()
        assert made == cut.files[kind].read_bytes()
    assert any('70 x 90 of 110 x 150' in note for note in found.notes)


def test_outside_of_the_polygons_nothing_is_mapped(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    write_area: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    """Two polygons far apart: the windows between them are not predicted."""
    draws = np.random.default_rng(0)
    scene = write_scene(draws.integers(0, 256, (600, 110, 3), np.uint8))
    parts = rectangle(10, 0, 60, 50), rectangle(30, 560, 110, 600)
    area = read_area(write_area(*parts))
    options = replace(OPTIONS, aoi=area)
    found = predict_scene(model, scene, tmp_path / 'o', scheme, options)
    few, model.calls = model.calls, 0
    predict_scene(model, scene, tmp_path / 'all', scheme, OPTIONS)
    assert few < model.calls / 3
    with rasterio.open(found.files['labels']) as data:
        labels = data.read(1)
        assert data.transform == from_origin(X + 5, Y, 0.5, 0.5)
    expected = np.zeros((600, 100), bool)
    expected[:50, :50] = expected[560:, 20:] = True
    assert ((labels != scheme.nodata) == expected).all()
    assert sum(row.pixels for row in found.areas) == expected.sum()
    scan = ScanByWorkers(Maker(model), 2, make_engine=start_engine, threads=1)
    shared = tmp_path / 'shared'
    predict_scene(model, scene, shared, scheme, options, scan=scan)
    for name in ('labels.tif', 'scores.tif'):
        made = (tmp_path / 'o' / name).read_bytes()
        assert made == (shared / name).read_bytes()


def test_a_triangle_where_the_model_sees_another_resolution(
    pixels: np.ndarray, write_scene: Write, tmp_path: Path
) -> None:
    ring = [[X, Y], [X + 50, Y], [X, Y - 50], [X, Y]]
    path = tmp_path / 'utm.json'
    name = {'type': 'name', 'properties': {'name': 'EPSG:25832'}}
    geometry = {'type': 'Polygon', 'coordinates': [ring], 'crs': name}
    path.write_text(json.dumps(geometry))
    with RasterSource(
        write_scene(pixels), aoi=read_area(path), scale=0.5
    ) as source:
        assert source.shape == (100, 100)
        _, valid = source.read(0, 50)
        fine = source.valid(0, 100)
    assert (valid == np.tri(50, k=-1, dtype=bool)[::-1]).mean() > 0.97
    assert (fine == np.tri(100, k=-1, dtype=bool)[::-1]).mean() > 0.98


def test_the_polygons_determine_the_job_and_not_their_file(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    write_area: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    scene, out = write_scene(pixels), tmp_path / 'out'
    same = [
        read_area(write_area(rectangle(10, 20, 80, 110), name=name))
        for name in ('a.geojson', 'b.geojson')
    ]
    for area in same:
        options = replace(OPTIONS, aoi=area)
        predict_scene(model, scene, out, scheme, options)
    calls = model.calls
    predict_scene(model, scene, out, scheme, replace(OPTIONS, aoi=same[0]))
    assert model.calls == calls
    other = read_area(write_area(rectangle(10, 20, 80, 111)))
    with pytest.raises(ValueError, match='results of another run'):
        predict_scene(model, scene, out, scheme, replace(OPTIONS, aoi=other))


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        ('no json', 'not a GeoJSON file'),
        ('[1, 2]', 'not a GeoJSON file'),
        ('{"type": "Polygon"}', 'not a GeoJSON file'),
        ('{"type": "Point", "coordinates": [1, 2]}', 'no polygon'),
        ('{"type": "FeatureCollection", "features": []}', 'no polygon'),
        (
            '{"type": "Polygon", "coordinates": [[["a", 1], [2, 3]]]}',
            'not a GeoJSON file',
        ),
        (
            '{"type": "Polygon", "coordinates": [[[350000, 5640000]]]}',
            'no longitude and latitude',
        ),
    ],
)
def test_files_that_hold_no_area(
    tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / 'a.geojson'
    path.write_text(content)
    with pytest.raises(ValueError, match=told):
        read_area(path)
    with pytest.raises(FileNotFoundError, match=r'none.geojson'):
        read_area(tmp_path / 'none.geojson')


def test_areas_that_do_not_fit_the_scene(
    pixels: np.ndarray, write_scene: Write, write_area: Write
) -> None:
    area = read_area(write_area(rectangle(500, 500, 600, 600)))
    scene = write_scene(pixels)
    with pytest.raises(ValueError, match=r'city.geojson lie outside of'):
        RasterSource(scene, aoi=area)
    with pytest.raises(ValueError, match='exclude each other'):
        RasterSource(scene, aoi=area, crop=(0, 0, 5, 5))
    nowhere = write_scene(pixels, 'n.tif', crs=None, transform=None)
    with pytest.raises(ValueError, match=r'not georeferenced.*--crop'):
        RasterSource(nowhere, aoi=area)
