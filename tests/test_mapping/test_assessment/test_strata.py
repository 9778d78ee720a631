# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Label maps are read as they were written, and points are drawn fairly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from aeroseg.mapping.assessment.label_map import LabelMap
from aeroseg.mapping.assessment.strata import (
    draw_points,
    find_strata,
    plan_points,
)
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource

# Always there: mmsegmentation needs it.
stats = pytest.importorskip('scipy.stats')

PLACES = {
    'utm': {},
    'degrees': {
        'crs': 'EPSG:4326',
        'transform': from_origin(10, 80, 0.05, 0.05),
    },
    'nowhere': {'crs': None, 'transform': from_origin(0, 0, 1, -1)},
}


@pytest.fixture
def make_map(
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    scheme: LabelScheme,
) -> Callable[..., LabelMap]:
    """A map of ids (H, W) of building, road, tree at one of the places."""

    def make(ids: np.ndarray, place: str = 'utm') -> LabelMap:
        image = np.zeros((*ids.shape, 3), np.uint8)
        with RasterSource(write_scene(image, **PLACES[place])) as source:
            path = write_labels(ids.astype(np.uint8), source, scheme)
        return LabelMap(path)

    return make


def ids(height: int = 700, width: int = 90) -> np.ndarray:
    rng = np.random.default_rng(0)
    made = rng.choice(3, (height, width), p=[0.02, 0.38, 0.6])
    made[:40, :50] = 255
    return made


def test_a_map_is_read_as_it_was_written(make_map: Callable) -> None:
    labels = make_map(ids())
    assert labels.names == ('building', 'road', 'tree')
    assert (labels.nodata, labels.shape) == (255, (700, 90))
    strata = find_strata(labels)
    expected = [(ids() == index).sum() for index in range(3)]
    assert strata.pixels.tolist() == expected
    # Half a metre: four pixels are a square metre.
    np.testing.assert_allclose(strata.areas, np.array(expected) / 40_000)
    assert strata.in_hectares


def test_without_a_place_areas_are_pixels(make_map: Callable) -> None:
    strata = find_strata(make_map(ids(), 'nowhere'))
    assert not strata.in_hectares
    assert strata.areas.tolist() == strata.pixels.tolist()


@pytest.mark.parametrize('place', PLACES)
def test_points_are_of_their_class_and_drawn_once(
    make_map: Callable, place: str
) -> None:
    labels = make_map(ids(), place)
    strata = find_strata(labels)
    numbers = np.array([60, 300, 500])
    points = draw_points(labels, strata, numbers, 1)
    assert np.bincount(points.stratum).tolist() == numbers.tolist()
    found = ids()[points.row, points.column]
    np.testing.assert_array_equal(found, points.stratum)
    assert (
        len({*zip(points.row.tolist(), points.column.tolist(), strict=True)})
        == 860
    )
    again = draw_points(labels, strata, numbers, 1)
    np.testing.assert_array_equal(points.row, again.row)
    other = draw_points(labels, strata, numbers, 2)
    assert (points.row != other.row).any()
    # The order tells nothing.
    assert 0 < (np.diff(points.stratum) != 0).mean() < 1
    assert len({*points.stratum[:60].tolist()}) > 1


def test_every_pixel_is_as_likely(make_map: Callable) -> None:
    labels = make_map(np.repeat([[0, 1, 1]], 30, axis=0))
    strata = find_strata(labels)
    hits = np.zeros((30, 3))
    for seed in range(100):
        points = draw_points(labels, strata, np.array([10, 10, 0]), seed)
        hits[points.row, points.column] += 1
    assert stats.chisquare(hits[:, 0]).pvalue > 0.001
    assert stats.chisquare(hits[:, 1:].ravel()).pvalue > 0.001


def test_in_degrees_every_hectare_is_as_likely(make_map: Callable) -> None:
    # From 80 to 45 degrees north a pixel grows fourfold.
    labels = make_map(np.ones((700, 60)), 'degrees')
    strata = find_strata(labels)
    points = draw_points(labels, strata, np.array([0, 1500, 0]), 3)
    assert labels.row_areas is not None
    assert labels.row_areas[-1] > 3.5 * labels.row_areas[0]
    bands = np.bincount(points.row // 100, minlength=7)
    areas = labels.row_areas.reshape(7, 100).sum(axis=1)
    expected = 1500 * areas / areas.sum()
    assert stats.chisquare(bands, expected).pvalue > 0.001
    assert bands[-1] > 2 * bands[0]


def test_a_class_that_is_asked_for_whole_is_drawn_whole(
    make_map: Callable,
) -> None:
    made = np.full((20, 20), 2)
    made[3, 4] = made[7, 7] = 0
    labels = make_map(made)
    strata = find_strata(labels)
    numbers = plan_points(strata, 100, 50, 0.8, 0.04)
    assert numbers.tolist() == [2, 0, 98]
    points = draw_points(labels, strata, numbers, 0)
    chosen = points.stratum == 0
    assert {
        *zip(
            points.row[chosen].tolist(),
            points.column[chosen].tolist(),
            strict=True,
        )
    } == {(3, 4), (7, 7)}


def test_the_margin_decides_how_many(make_map: Callable) -> None:
    strata = find_strata(make_map(ids()))
    few = plan_points(strata, None, 2, 0.8, 0.04).sum()
    assert few == pytest.approx(0.16 * (1.96 / 0.04) ** 2, rel=0.02)
    many = plan_points(strata, None, 2, 0.8, 0.02).sum()
    assert many == pytest.approx(4 * few, rel=0.05)


def test_files_that_are_no_maps_are_refused(
    make_map: Callable, tmp_path: Path, write_scene: Callable[..., Path]
) -> None:
    with pytest.raises(FileNotFoundError, match=r'tools/predict\.py writes'):
        LabelMap(tmp_path / 'labels.tif')
    (tmp_path / 'text.tif').write_text('no raster')
    with pytest.raises(ValueError, match='is no raster'):
        LabelMap(tmp_path / 'text.tif')
    scene = write_scene(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ValueError, match='has 3 bands and no names'):
        LabelMap(scene)
    labels = make_map(np.full((9, 9), 255))
    with pytest.raises(ValueError, match='no pixel of any class'):
        find_strata(labels)
    with rasterio.open(
        labels.path, 'r+', IGNORE_COG_LAYOUT_BREAK='YES'
    ) as data:
        data.write(np.full((1, 9, 9), 7, np.uint8))
    with pytest.raises(ValueError, match='pixels with the id 7'):
        find_strata(labels)
