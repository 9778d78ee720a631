# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import argparse
import json
from dataclasses import fields
from pathlib import Path

import pytest

from aeroseg.mapping.aoi import read_area
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.windows.tiling import Tiling


def test_only_what_decides_about_the_result_counts() -> None:
    usual = SceneOptions().identity()
    assert SceneOptions(progress=False, overwrite=True).identity() == usual
    assert SceneOptions(gsd=0.5).identity() != usual
    assert SceneOptions(scores=True).identity() != usual


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match='shp'):
        SceneOptions(polygons='shp')
    for wrong in ({'simplify': -1}, {'scale': 0}, {'simplify': float('nan')}):
        with pytest.raises(ValueError, match='simplify must be >= 0, scale >'):
            SceneOptions(**wrong)


@pytest.mark.parametrize('name', ['simplify', 'scale', 'gsd'])
@pytest.mark.parametrize('number', ['nan', 'inf', '-inf'])
def test_numbers_are_finite(name: str, number: str) -> None:
    with pytest.raises(ValueError, match=f'{name}.*finite'):
        SceneOptions(**{name: float(number)})  # type: ignore[arg-type]


def _parse(*texts: str) -> SceneOptions:
    parser = argparse.ArgumentParser()
    SceneOptions.add_arguments(parser)
    args = parser.parse_args(texts)
    return SceneOptions.from_args(args, Tiling(64, 16, batch=2), 1.5)


def test_flags_not_given_leave_the_defaults() -> None:
    assert _parse() == SceneOptions(Tiling(64, 16, batch=2), scale=1.5)


def test_every_option_has_a_flag(tmp_path: Path) -> None:
    area = tmp_path / 'area.geojson'
    ring = [[7, 50], [8, 50], [8, 51], [7, 50]]
    area.write_text(json.dumps({'type': 'Polygon', 'coordinates': [ring]}))
    found = _parse(
        *('--bands', '3,2,1', '--gsd', '0.3', '--scale', '2'),
        *('--stretch', 'minmax', '--scores', '--polygons', 'geojson'),
        *('--simplify', '0', '--overwrite', '--quiet', '--allow-damaged'),
        '--stac-item',
        *('--window', '32', '--overlap', '4', '--margin', '1'),
        *('--batch', '7', '--crop', '1,2,3,4', '--aoi', str(area)),
    )
    assert found == SceneOptions(
        Tiling(32, 4, 1, 7), (3, 2, 1), 0.3, 2, 'minmax', True, (1, 2, 3, 4),
        read_area(area), True, 'geojson', 0, True, True, False,
    )  # fmt: skip
    usual = SceneOptions()
    for option in fields(SceneOptions):
        assert getattr(found, option.name) != getattr(usual, option.name)


def test_a_window_brings_its_overlap() -> None:
    found = _parse('--window', '100').tiling
    assert (found.window, found.shared, found.batch) == (100, 12, 2)
    assert _parse('--polygons').polygons == 'gpkg'


@pytest.mark.parametrize(
    'flag', ['--bands=red', '--polygons=shp', '--gsd=x', '--crop=1,2,3']
)
def test_flags_that_cannot_be_read(flag: str) -> None:
    with pytest.raises(SystemExit):
        _parse(flag)
