# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What can happen to a file of points between drawing and reading."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from aeroseg.mapping.assessment.label_map import LabelMap
from aeroseg.mapping.assessment.points_file import read_points, write_points
from aeroseg.mapping.assessment.strata import (
    Points,
    draw_points,
    find_strata,
)
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource


@pytest.fixture
def labels(
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    scheme: LabelScheme,
) -> LabelMap:
    ids = np.random.default_rng(0).integers(0, 3, (60, 80)).astype(np.uint8)
    image = np.zeros((60, 80, 3), np.uint8)
    with RasterSource(write_scene(image)) as source:
        return LabelMap(write_labels(ids, source, scheme))


@pytest.fixture
def drawn(labels: LabelMap, tmp_path: Path) -> tuple[Path, Points]:
    path = tmp_path / 'points.gpkg'
    numbers = np.array([5, 6, 9])
    points = draw_points(labels, find_strata(labels), numbers, 0)
    write_points(path, labels, points, 0)
    return path, points


def change(path: Path, *commands: str) -> None:
    """As QGIS does; without the triggers of the index, which need GDAL."""
    with closing(sqlite3.connect(path)) as base, base:
        names = base.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for (name,) in names:
            base.execute(f'DROP TRIGGER "{name}"')
        for command in commands:
            base.execute(command)


def test_points_come_back_with_their_labels(
    drawn: tuple[Path, Points], labels: LabelMap
) -> None:
    path, points = drawn
    change(
        path,
        "UPDATE points SET label = 'tree'",
        "UPDATE points SET label = ' Building ' WHERE point = 1",
        "UPDATE points SET label = '1' WHERE point = 2",
        "UPDATE points SET label = 'other' WHERE point = 3",
        'UPDATE points SET label = NULL WHERE point = 4',
        "UPDATE points SET label = '  ' WHERE point = 5",
    )
    again, words = read_points(path, labels)
    for name in Points._fields:
        np.testing.assert_array_equal(
            getattr(again, name), getattr(points, name)
        )
    assert words[:6] == ['building', 'road', 'other', '', '', 'tree']


def test_the_points_lie_on_their_pixels_and_hide_the_map(
    drawn: tuple[Path, Points], labels: LabelMap
) -> None:
    path, points = drawn
    info = pyogrio.read_info(path, layer='points')
    assert info['crs'] == 'EPSG:25832'
    assert list(info['fields']) == ['point', 'label', 'row', 'column']
    _, _, shapes, _ = pyogrio.raw.read(path, layer='points')
    place = shapely.get_coordinates(shapely.from_wkb(shapes))
    np.testing.assert_allclose(place[:, 0], 350000.25 + points.column / 2)
    np.testing.assert_allclose(place[:, 1], 5639999.75 - points.row / 2)
    assert labels.digest() in str(info['layer_metadata'])


def test_the_same_draw_gives_the_same_bytes(
    drawn: tuple[Path, Points], labels: LabelMap
) -> None:
    path, points = drawn
    other = path.with_name('again.gpkg')
    write_points(other, labels, points, 0)
    assert other.read_bytes() == path.read_bytes()


def test_labels_that_may_be_there_are_not_overwritten(
    drawn: tuple[Path, Points], labels: LabelMap
) -> None:
    path, points = drawn
    before = path.read_bytes()
    with pytest.raises(ValueError, match='exists and may hold labels'):
        write_points(path, labels, points, 0)
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match=r'NAME\.gpkg'):
        write_points(path.with_suffix('.shp'), labels, points, 0)


MOVED = (
    'UPDATE points SET geom = (SELECT geom FROM points WHERE point = {}) '
    'WHERE point = {}'
)


@pytest.mark.parametrize(
    ('commands', 'message'),
    [
        (
            ["UPDATE points SET label = 'lake' WHERE point IN (3, 7)"],
            r"2 labels that are no class .*'lake' \(point 3\).*building, road",
        ),
        (["UPDATE points SET label = '3' WHERE point = 2"], 'ids 0 to 2'),
        (
            ['DELETE FROM points WHERE point = 8'],
            r'had 20 points .* 19.*\[8\]',
        ),
        (
            [
                'INSERT INTO points (point, row, "column") VALUES (21, 1, 1)',
                'UPDATE gpkg_ogr_contents SET feature_count = 21',
            ],
            'some were added',
        ),
        ([MOVED.format(1, 2)], r'1 points are not where .* such as \[2\]'),
        (
            ['UPDATE points SET row = 4000 WHERE point = 5'],
            r'not where they were drawn, such as \[5\]',
        ),
        (
            ['UPDATE points SET geom = NULL WHERE point = 5'],
            'not where they were drawn',
        ),
        (['DELETE FROM gpkg_metadata'], 'saved anew without its record'),
        (['ALTER TABLE points DROP COLUMN label'], 'saved anew without'),
    ],
)
def test_a_changed_file_is_refused(
    drawn: tuple[Path, Points],
    labels: LabelMap,
    commands: list[str],
    message: str,
) -> None:
    path, _ = drawn
    change(path, *commands)
    with pytest.raises(ValueError, match=message):
        read_points(path, labels)


def test_another_map_is_refused(
    drawn: tuple[Path, Points], labels: LabelMap
) -> None:
    path, _ = drawn
    content = bytearray(labels.path.read_bytes())
    content[-1] ^= 1
    labels.path.write_bytes(content)
    with pytest.raises(ValueError, match='is not the map that the points of'):
        read_points(path, labels)


def test_other_files_are_refused(tmp_path: Path, labels: LabelMap) -> None:
    path = tmp_path / 'other.gpkg'
    with pytest.raises(FileNotFoundError, match='sample writes it'):
        read_points(path, labels)
    path.write_text('no GeoPackage')
    with pytest.raises(ValueError, match='is no file of tools/assess_map'):
        read_points(path, labels)


def test_a_map_without_a_place_has_rows_downwards(
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    from rasterio import Affine

    image = np.zeros((20, 30, 3), np.uint8)
    path = write_scene(image, crs=None, transform=Affine.identity())
    with RasterSource(path) as source:
        ids = np.ones((20, 30), np.uint8)
        labels = LabelMap(write_labels(ids, source, scheme))
    points = draw_points(labels, find_strata(labels), np.array([0, 8, 0]), 0)
    write_points(tmp_path / 'p.gpkg', labels, points, 0)
    _, _, shapes, _ = pyogrio.raw.read(tmp_path / 'p.gpkg')
    place = shapely.get_coordinates(shapely.from_wkb(shapes))
    np.testing.assert_allclose(place[:, 1], -(points.row + 0.5))
    assert read_points(tmp_path / 'p.gpkg', labels)[1] == [''] * 8
