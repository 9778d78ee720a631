# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/assess_map.py from the map to the areas."""

import csv
import json
import runpy
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource

TOOL = Path(__file__).parents[2] / 'tools/assess_map.py'
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Run:
    """Run the tool in this process: exit status, output, errors."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', ['assess_map.py', *map(str, words)])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(TOOL), run_name='__main__')
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return run


@pytest.fixture
def truth() -> np.ndarray:
    """Fields of building, road and tree."""
    small = np.random.default_rng(0).choice(3, (30, 40), p=[0.1, 0.3, 0.6])
    return small.repeat(10, axis=0).repeat(10, axis=1).astype(np.uint8)


@pytest.fixture
def labels(
    truth: np.ndarray,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    scheme: LabelScheme,
) -> Path:
    """A map that takes a third of the trees for roads."""
    wrong = np.random.default_rng(1).random(truth.shape) < 1 / 3
    ids = np.where((truth == 2) & wrong, 1, truth).astype(np.uint8)
    with RasterSource(write_scene(np.zeros((300, 400, 3), np.uint8))) as data:
        return write_labels(ids, data, scheme)


def fill_in(path: Path, truth: np.ndarray) -> None:
    """Label every point as an analyst does who is never wrong."""
    names = ('building', 'road', 'tree')
    with closing(sqlite3.connect(path)) as base, base:
        for (name,) in base.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        rows = base.execute('SELECT point, row, "column" FROM points')
        for point, row, column in rows.fetchall():
            base.execute(
                'UPDATE points SET label = ? WHERE point = ?',
                (names[truth[row, column]], point),
            )


def test_from_the_map_to_unbiased_areas(
    run: Run, labels: Path, truth: np.ndarray, tmp_path: Path
) -> None:
    status, out, _ = run('plan', labels)
    assert status == 0
    assert out.count('\n') > 5
    points = tmp_path / 'points.gpkg'
    status, out, _ = run('sample', labels, points, '--points', 600)
    assert status == 0
    assert 'points.gpkg: 600 points. Open it in QGIS' in out

    fill_in(points, truth)
    status, out, err = run('estimate', labels, points)
    assert not err
    assert status == 0
    folder = tmp_path / 'points_assessment'
    with (folder / 'areas.csv').open(encoding='utf-8') as file:
        rows = {row['class']: row for row in csv.DictReader(file)}
    assert set(rows) == {'building', 'road', 'tree'}
    for index, name in enumerate(('building', 'road', 'tree')):
        row = {k: float(v) for k, v in rows[name].items() if k != 'class'}
        hectares = (truth == index).sum() * 0.25 / 10_000
        assert row['low'] <= hectares <= row['high'], name
        assert row['low'] <= row['estimated'] <= row['high']
    # The map shows far too many roads, and the estimate knows.
    road = rows['road']
    assert float(road['mapped']) > float(road['high'])
    assert float(rows['tree']['users_accuracy']) == 100
    result = json.loads((folder / 'assessment.json').read_text())
    assert result['unit'] == 'ha'
    assert np.sum(result['error_matrix']) == 600
    assert result['overall_low'] < 80 < result['overall_high']
    with (folder / 'error_matrix.csv').open(encoding='utf-8') as file:
        matrix = list(csv.reader(file))
    assert matrix[0] == ['map / truth', 'building', 'road', 'tree', 'other']
    assert np.asarray(Image.open(folder / 'assessment.png')).std() > 20
    assert f'The results are in {folder}' in out


def test_points_without_a_label(
    run: Run, labels: Path, truth: np.ndarray, tmp_path: Path
) -> None:
    points = tmp_path / 'points.gpkg'
    run('sample', labels, points, '--points', 200)
    fill_in(points, truth)
    with closing(sqlite3.connect(points)) as base, base:
        base.execute('UPDATE points SET label = NULL WHERE point < 4')
    status, _, err = run('estimate', labels, points, '--out', tmp_path / 'a')
    assert status == 1
    assert '3 of 200 points have no label, the first is point 1' in err
    assert not (tmp_path / 'a').exists()
    status, out, err = run('estimate', labels, points, '--skip-unlabelled')
    assert not err
    assert status == 0
    assert '3 points without a label were left out.' in out
    with closing(sqlite3.connect(points)) as base, base:
        base.execute("UPDATE points SET label = '' WHERE label = 'building'")
    status, _, err = run('estimate', labels, points, '--skip-unlabelled')
    assert status == 1
    assert 'too few labelled points in what the map calls building (0)' in err


def test_labels_are_never_overwritten(
    run: Run, labels: Path, tmp_path: Path
) -> None:
    points = tmp_path / 'points.gpkg'
    run('sample', labels, points, '--points', 200)
    before = points.read_bytes()
    status, _, err = run('sample', labels, points, '--seed', 1)
    assert status == 1
    assert 'exists and may hold labels' in err
    assert points.read_bytes() == before


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['plan', 'none.tif'], 'there is no map none.tif'),
        (['estimate', '{labels}', 'none.gpkg'], 'there is no none.gpkg'),
        (['sample', '{labels}', 'points.csv'], 'NAME.gpkg'),
        (['plan', '{labels}', '--margin', '0'], 'give a number above 0'),
        (['sample', '{labels}'], 'required: file'),
        (['draw', '{labels}'], 'invalid choice'),
    ],
)
def test_bad_inputs_get_a_sentence(
    run: Run,
    labels: Path,
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*(word.format(labels=labels) for word in words))
    assert status in (1, 2)
    assert message in err
    assert 'Traceback' not in err


def test_the_help_has_examples(run: Run) -> None:
    for words in (['--help'], ['sample', '--help'], ['plan', '-h']):
        status, out, _ = run(*words)
        assert status == 0
        assert 'python tools/assess_map.py sample out/labels.tif' in out
