# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from data.rasters import at, values

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


@pytest.fixture
def tiles(tmp_path: Path, write_scene: Callable[..., Path]) -> Path:
    """Two rasters that overlap, and a list of them as STAC."""
    features = []
    for number, name in enumerate(('old', 'new')):
        path = write_scene(
            values(number), f'{name}.tif', transform=at(45 * number, 0)
        )
        with rasterio.open(path) as data:
            box = rasterio.warp.transform_bounds(
                data.crs, 'OGC:CRS84', *data.bounds
            )
        asset = {'href': f'./{path.name}', 'type': 'image/tiff'}
        features.append({
            'type': 'Feature',
            'stac_version': '1.0.0',
            'id': name,
            'collection': 'aerial',
            'geometry': None,
            'bbox': box,
            'properties': {'datetime': f'202{number}-05-01T00:00:00Z'},
            'links': [],
            'assets': {'rgb': asset},
        })  # fmt: skip
    content = {'type': 'FeatureCollection', 'features': features}
    (tmp_path / 'items.json').write_text(json.dumps(content))
    return tmp_path


def shape(folder: Path) -> tuple[int, int]:
    with rasterio.open(folder / 'labels.tif') as data:
        return data.shape


def labels(folder: Path) -> bytes:
    return (folder / 'labels.tif').read_bytes()


def test_rasters_of_a_folder_are_one_map(predict: Run, tiles: Path) -> None:
    road = ('--classes', 'road; tree')
    out = tiles / 'out'
    assert predict(tiles, '--mosaic', '--out', out, *road) == 0
    assert shape(out) == (100, 135)
    assert '"source": "mosaic of 2 rasters"' in (
        (out / 'report.json').read_text()
    )
    # The first by name wins, or the first one that is named.
    parts = (tiles / 'old.tif', tiles / 'new.tif')
    predict(*parts, '--mosaic', '--out', tiles / 'turned', *road)
    assert labels(tiles / 'out') != labels(tiles / 'turned')


def test_items_of_stac_are_one_map(predict: Run, tiles: Path) -> None:
    pytest.importorskip('pystac_client')
    road = ('--classes', 'road; tree')
    predict(tiles, '--mosaic', '--out', tiles / 'out', *road)
    # The newest item wins.
    given = ('--stac', tiles / 'items.json', '--stac-item', '--asset', 'rgb')
    assert predict(*given, '--out', tiles / 'stac', *road) == 0
    assert labels(tiles / 'out') == labels(tiles / 'stac')
    item = json.loads((tiles / 'stac' / 'item.json').read_text())
    assert item['properties']['start_datetime'] == '2020-05-01T00:00:00Z'


def test_stac_items_are_chosen_by_time_and_collection(
    predict: Run, tiles: Path
) -> None:
    pytest.importorskip('pystac_client')
    chosen = ('--datetime', '2021', '--collections', 'radar, aerial')
    out = tiles / 'out'
    more = ('--out', out, '--classes', 'road')
    assert predict('--stac', tiles / 'items.json', *chosen, *more) == 0
    assert shape(out) == (100, 90)
    report = (out / 'report.json').read_text()
    assert 'new.tif' in report
    assert 'old.tif' not in report


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('old.tif --datetime 2021', '--datetime goes with --stac SOURCE'),
        ('old.tif --asset rgb --collections a',
         '--asset and --collections goes? with'),
        ('old.tif --stac items.json', 'leave out other inputs and --mosaic'),
        ('--mosaic --stac items.json', 'leave out other inputs and --mosaic'),
        ('--mosaic', 'name an image'),
        ('--mosaic old.tif none.tif', r'no file none\.tif'),
        ('--mosaic old.tif items.json', r'items\.json is not an image'),
        ('--stac none.json', r'no file none\.json'),
        ('--stac old.tif', r'old\.tif is no STAC'),
        ('--stac s3://bucket/items.json', 'read from files and from web'),
        ('--stac items.json --asset RGB', "no asset 'RGB'; it has rgb"),
        ('--stac items.json --asset rgb,rgb', 'names 2 assets'),
        ('--stac items.json --asset rgb,rgb,rgb', 'rasters of one band'),
        ('--stac items.json --datetime yesterday', "'yesterday' is no time"),
        ('--stac items.json --datetime 2021-05-32', 'is no time'),
        ('--stac items.json --datetime 2021/2020', 'ends before it starts'),
        ('--stac items.json --datetime 2019', 'holds no item at 2019'),
        ('--stac items.json --collections radar', 'no item of radar'),
        ('--stac items.json --aoi none.geojson', r'none\.geojson'),
    ],
)  # fmt: skip
def test_one_sentence_for_rasters_that_cannot_be_put_together(
    predict: Run,
    tiles: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    said: str,
) -> None:
    if line.startswith('--stac'):
        pytest.importorskip('pystac_client')
    monkeypatch.chdir(tiles)
    kinds = (ValueError, FileNotFoundError)
    with pytest.raises(kinds, match=said):
        predict(*line.split(), '--out', 'out', '--classes', 'road')
    assert not (tiles / 'out').exists()


@pytest.mark.parametrize('line', ['--collections ,', '--stac', '--mosaics'])
def test_flags_that_are_mistyped(predict: Run, line: str) -> None:
    with pytest.raises(SystemExit):
        predict(*line.split())
