# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import argparse
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from aeroseg.apis.command import add_arguments, run

Run = Callable[..., int]


@pytest.fixture
def predict(tiny_files: dict[str, Path], tmp_path: Path) -> Run:
    """The command line, without a process of its own."""

    def call(*arguments: object) -> int:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        usual = ('--checkpoint', tiny_files['checkpoint'], '--device', 'cpu')
        texts = map(str, (*usual, '--quiet', *arguments))
        return run(parser.parse_args(list(texts)))

    return call


def test_words_policy_window_and_bands_reach_the_result(
    predict: Run,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    scene, out = write_scene(pixels), tmp_path / 'out'
    words = ('--classes', 'road; tree, forest', '--threshold', 1)
    reading = ('--window', 32, '--bands', '3,2,1', '--scale', 0.5)
    assert predict(scene, '--out', out, *words, *reading, '--polygons') == 0
    report = (out / 'report.json').read_text()
    assert '"threshold": 1.0' in report
    assert '"overlap": 3' in report
    with rasterio.open(out / 'labels.tif') as data:
        assert (data.read(1) == 2).all()
        assert data.tags(1)['CLASS_2'] == 'background'
    assert (out / 'polygons.gpkg').is_file()


def test_a_bad_scene_does_not_stop_the_others(
    predict: Run,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ('a.tif', 'c.tif'):
        write_scene(pixels[:40], name)
    (tmp_path / 'b.tif').write_text('no image')
    out = tmp_path / 'out'
    with caplog.at_level(logging.ERROR):
        assert predict(tmp_path, '--out', out, '--classes', 'road') == 1
    assert sorted(path.name for path in out.iterdir()) == ['a', 'c']
    assert 'b.tif is not an image' in caplog.text


def test_explain_needs_no_image(
    predict: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert predict('--explain', '--classes', 'grass; lawn') == 0
    assert 'grass / lawn' in caplog.text


def test_vocabulary_file_and_contrast_words(
    predict: Run,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    names, out = tmp_path / 'names.txt', tmp_path / 'out'
    names.write_text('road [#102030]\ntree, forest [#405060]\n')
    scene = write_scene(pixels)
    more = ('--vocabulary', names, '--contrast', 'sky, sea', '--out', out)
    assert predict(scene, *more) == 0
    with rasterio.open(out / 'labels.tif') as data:
        assert data.colormap(1)[0] == (16, 32, 48, 255)
        assert data.tags(1)['CLASS_2'] == 'background'


def test_wrong_arguments(predict: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='name an image'):
        predict('--classes', 'road')
    with pytest.raises(FileNotFoundError, match='no file'):
        predict(tmp_path / 'a.tif', '--out', tmp_path)
    with pytest.raises(SystemExit):
        predict('--classes', 'road', '--vocabulary', 'a.txt')
    with pytest.raises(SystemExit):
        predict('--bands', 'red')


def test_explain_with_an_image_and_no_folder_writes_here(
    predict: Run,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = write_scene(pixels)
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    assert predict(scene, '--explain', '--classes', 'road; tree') == 0
    assert (tmp_path / 'here' / 'labels.tif').is_file()
