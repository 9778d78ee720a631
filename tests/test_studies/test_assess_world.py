# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The example of docs/assess.md, with a small scene and a map with errors."""

from pathlib import Path

import assess_world
import numpy as np
import rasterio

from aeroseg.mapping.assessment.assessment_files import (
    assess_points,
    write_assessment,
)
from aeroseg.mapping.assessment.label_map import LabelMap
from aeroseg.mapping.assessment.points_file import read_points, write_points
from aeroseg.mapping.assessment.strata import (
    draw_points,
    find_strata,
    plan_points,
)
from aeroseg.world import make_scene
from aeroseg.world.classes import CLASSES


def write_map(truth: Path, path: Path) -> LabelMap:
    """The truth, shifted by ten pixels, with the names of the classes."""
    with rasterio.open(truth) as data:
        ids, profile = data.read(1), data.profile
    with rasterio.open(path, 'w', **{**profile, 'nodata': 255}) as data:
        data.write(np.roll(ids, 10, axis=1), 1)
        data.update_tags(1, **{f'CLASS_{i}': n for i, n in enumerate(CLASSES)})
    return LabelMap(path)


def test_the_example_finds_the_true_areas(tmp_path: Path) -> None:
    assess_world.write_scene(tmp_path, tiles=2)
    with rasterio.open(tmp_path / 'scene.tif') as data:
        image = data.read().transpose(1, 2, 0)
    np.testing.assert_array_equal(
        image[256:, :256], make_scene(2, assess_world.SERIES).image
    )
    labels = write_map(tmp_path / 'truth.tif', tmp_path / 'labels.tif')
    strata = find_strata(labels)
    numbers = plan_points(strata, None, 50, 0.8, 0.04)
    path = tmp_path / 'points.gpkg'
    write_points(path, labels, draw_points(labels, strata, numbers, 0), 0)
    assess_world.label_points(path, tmp_path / 'truth.tif')
    points, words = read_points(path, labels)
    assert '' not in words
    result = assess_points(labels, strata, points, words)
    write_assessment(result, labels, tmp_path / 'out')
    rows = assess_world.check_areas(tmp_path / 'out', tmp_path / 'truth.tif')
    assert len(rows) == len(CLASSES)
    assert sum(row[-1] == 'yes' for row in rows) >= 16
    assert 65 < result['overall_accuracy'] < 85
