# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The web application over real HTTP."""

import argparse
import csv
import io
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.shutil
import rasterio.warp
from PIL import Image

from aeroseg.apis.command import add_arguments, run
from aeroseg.visualization.overlay import colorize

Serve = Callable[..., Any]
WORDS = {
    'classes': [
        {'words': 'road, street', 'colour': '#102030'},
        {'words': 'tree', 'colour': None},
        {'words': 'water', 'colour': None},
    ],
    'background': 'sky, sea',
}


def picture(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def whole(served: Any, path: str, shape: tuple[int, int], z: int) -> Any:
    """All tiles of a level that is the scene's own, put together."""
    rows = []
    for y in range(-(-shape[0] // 256)):
        tiles = [
            picture(served.ask(f'{path}/{z}/{x}/{y}.png')[1])
            for x in range(-(-shape[1] // 256))
        ]
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)[: shape[0], : shape[1]]


def until_rows_are_done(served: Any, job: dict[str, Any]) -> None:
    while not served.ask(f'api/jobs/{job["id"]}')[1]['done'] > 5:
        time.sleep(0.02)


def test_tiles_legend_and_files_are_those_of_the_map(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene)
    job = served.map(WORDS)
    tiles = f'api/jobs/{job["id"]}/tiles'
    seen = whole(served, tiles, (300, 220), 1)
    folder = served.args.out / job['id']
    with rasterio.open(folder / 'labels.tif') as data:
        labels = data.read(1)
        palette = [data.colormap(1)[i][:3] for i in range(4)]
    assert palette[0] == (0x10, 0x20, 0x30)
    assert (seen[..., :3] == colorize(labels, palette)).all()
    assert (seen[..., 3] == 255).all()
    with (folder / 'classes.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    for row, entry in zip(rows, job['legend'], strict=True):
        assert row['name'] == entry['name']
        assert float(row['hectares']) == pytest.approx(
            entry['hectares'], abs=1e-4
        )
        assert int(row['pixels']) == entry['pixels']
    for kind, file in (
        ('labels', 'labels.tif'),
        ('polygons', 'polygons.gpkg'),
        ('classes', 'classes.csv'),
    ):
        path = f'api/jobs/{job["id"]}/files/{kind}'
        assert served.ask(path)[1] == (folder / file).read_bytes()
    place = f'api/jobs/{job["id"]}/at?x=100&y=200'
    best = served.ask(place)[1]['best']
    with rasterio.open(folder / 'scores.tif') as data:
        scores = data.read()[:, 200, 100] / 254
    assert len(best) == 3
    assert best[0][1] == pytest.approx(scores.max(), abs=1e-3)
    heat = served.ask(f'api/jobs/{job["id"]}/heat/1/1/0/0.png')[1]
    assert picture(heat).shape == (256, 256, 4)


def test_the_scene_is_shown_pixel_by_pixel(serve: Serve, scene: Path) -> None:
    served = serve(scene)
    name = served.scene
    _, facts = served.ask(f'api/scenes/{name}')
    assert (facts['width'], facts['height']) == (220, 300)
    assert facts['levels'] == 1
    seen = whole(served, f'api/scenes/{name}/tiles', (300, 220), 1)
    with rasterio.open(scene) as data:
        assert (seen[..., :3] == data.read().transpose(1, 2, 0)).all()
    at = served.ask(f'api/scenes/{name}/at?x=10&y=10')[1]
    there = [350000 + 10.5 * 0.5], [5640000 - 10.5 * 0.5]
    expected = rasterio.warp.transform('EPSG:25832', 'EPSG:4326', *there)
    assert at['place'] == pytest.approx([expected[0][0], expected[1][0]])


def test_a_scene_that_was_replaced_is_seen_and_mapped_again(
    serve: Serve,
    scene: Path,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
) -> None:
    served = serve(scene)
    first = served.map(WORDS)
    tile = f'api/scenes/{served.scene}/tiles/1/0/0.png'
    before = picture(served.ask(tile)[1])
    write_scene(np.tile(255 - pixels, (2, 2, 1)), name=scene.name)
    after = picture(served.ask(tile)[1])
    assert (after[:, :220, :3] == 255 - before[:, :220, :3]).all()
    second = served.map(WORDS)
    assert second['id'] != first['id']
    assert served.map(WORDS)['id'] == second['id']


def test_the_command_makes_the_same_bytes(
    serve: Serve, scene: Path, tmp_path: Path
) -> None:
    served = serve(scene)
    job = served.map(WORDS, crop=[16, 20, 130, 90], gsd=0.4)
    words = shlex.split(job['command'])
    assert words[:2] == ['python', 'tools/predict.py']
    place = words.index('--out') + 1
    words[place] = str(tmp_path / 'by-hand')
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(words[2:])) == 0
    for file in ('labels.tif', 'scores.tif', 'classes.csv'):
        here = (tmp_path / 'by-hand' / file).read_bytes()
        assert served.file(job, file).read_bytes() == here


def test_other_words_on_the_same_view_do_not_look_again(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene)
    crop = [0, 0, 120, 120]
    served.map(WORDS, crop=crop)
    looks = len(served.looks)
    assert looks > 0
    others = {'classes': [{'words': 'roof'}, {'words': 'sea'}]}
    second = served.map(others, crop=crop)
    assert len(served.looks) == looks
    fresh = serve(scene, '--memory', 0, '--out', served.args.out / 'fresh')
    anew = fresh.map(others, crop=crop)
    for file in ('labels.tif', 'scores.tif'):
        reused = served.file(second, file).read_bytes()
        assert reused == fresh.file(anew, file).read_bytes()


def test_an_equal_question_is_not_computed_twice(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene)
    first = served.map(WORDS)
    looks = len(served.looks)
    second = served.start(WORDS)
    assert second['id'] == first['id']
    assert second['state'] == 'done'
    assert len(served.looks) == looks


def test_a_map_that_was_deleted_is_made_again(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene)
    job = served.map(WORDS)
    shutil.rmtree(served.args.out / job['id'])
    again = served.start(WORDS)
    assert again['state'] != 'done'
    served.wait(again['id'], 'done')
    assert served.file(job, 'labels.tif').is_file()


def test_cancel_then_continue_gives_the_same_map(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene, nap=0.1)
    job = served.start(WORDS)
    until_rows_are_done(served, job)
    served.ask(f'api/jobs/{job["id"]}/cancel', {}, 'POST')
    stopped = served.wait(job['id'], 'cancelled')
    assert 0 < stopped['done'] < stopped['total']
    served.nap = 0
    served.ask(f'api/jobs/{job["id"]}/resume', {}, 'POST')
    served.wait(job['id'], 'done')
    alone = serve(scene, '--out', served.args.out / 'alone')
    other = alone.map(WORDS)
    for file in ('labels.tif', 'scores.tif'):
        made = served.file(job, file).read_bytes()
        assert made == alone.file(other, file).read_bytes()


def test_a_server_that_ends_and_starts_again_resumes(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene, nap=0.1)
    job = served.start(WORDS)
    later = served.start({'classes': [{'words': 'x'}]})
    until_rows_are_done(served, job)
    served.stop()
    assert list(served.file(job, '.aeroseg').glob('*.npz'))
    again = serve(scene)
    done = again.wait(job['id'], 'done')
    assert again.wait(later['id'], 'done')['names'] == ['x']
    assert done['words']['classes'][0]['words'] == 'road, street'
    assert done['words']['background'] == 'sky, sea'
    # Rows that were kept were not predicted again.
    assert len(again.looks) < done['total'] + 5


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'words': {'classes': []}}, 'at least one word'),
        ({'words': {'classes': [{'words': ' , '}]}}, 'at least one word'),
        ({'words': {'classes': [{'words': 'a'}, {'words': 'A'}]}}, 'twice'),
        ({'words': {'classes': [{'words': 'a; b'}]}}, 'a line for each'),
        ({'words': {'classes': [{'words': 'a[seen]'}]}}, 'column 2'),
        ({'crop': [0, 0, 500, 10]}, 'not inside'),
        ({'gsd': -1}, 'above 0'),
        ({'words': {}}, 'words.classes'),
        ({'scene': '../../etc/passwd'}, 'There is no'),
    ],
)
def test_what_is_wrong_is_said_and_makes_no_job(
    shared: Any, changes: dict[str, Any], said: str
) -> None:
    asked = {'scene': shared.scene, 'words': WORDS} | changes
    status, answer = shared.ask('api/jobs', asked)
    assert 400 <= status < 500
    assert said in answer['detail']
    assert shared.ask('api/jobs')[1] == []


def test_advice_names_words_that_are_alike(shared: Any) -> None:
    alike = {'classes': [{'words': 'road'}, {'words': 'Roads'}]}
    _, answer = shared.ask('api/advice', alike)
    assert len(answer['colours']) == 2
    explained = shared.predictor.explain('road; Roads')
    told = [found['kind'] for found in answer['advice']]
    far = [found for found in explained.neighbours if found.far]
    expected = ['alike'] * len(explained.alike) + ['far'] * len(far)
    assert told == expected


@pytest.mark.parametrize(
    'path',
    [
        'api/scenes/..%2F..%2Fsetup.cfg',
        '..%2f..%2f..%2fetc/passwd',
        '../serving/app.py',
        'js/../../app.py',
        'api/jobs/..%2Fuploads/files/labels',
        'api/jobs/x/files/..%2Fjob.json',
        'api/uploads/..%2F..%2Fx.tif',
    ],
)
def test_no_path_outside_of_the_inputs_can_be_read(
    shared: Any, path: str
) -> None:
    status, _ = shared.ask(path)
    assert status in (404, 405)


def test_uploads_are_checked(
    serve: Serve, scene: Path, tmp_path: Path
) -> None:
    served = serve('--upload-limit', 1)
    kind = {'content-type': 'application/octet-stream'}

    def put(name: str, content: bytes) -> tuple[int, Any]:
        return served.ask(f'api/uploads/{name}', content, 'PUT', kind)

    status, added = put('my%20scene.tif', scene.read_bytes())
    assert status == 200
    assert served.ask(f'api/scenes/{added["id"]}')[1]['width'] == 220
    status, answer = put('a.tif', b'no raster at all')
    assert status == 400
    assert 'a.tif is not an image that can be uploaded' in answer['detail']
    # A VRT could name any file of this machine.
    vrt = tmp_path / 'x.vrt'
    with rasterio.open(scene) as data:
        rasterio.shutil.copy(data, vrt, driver='VRT')
    status, answer = put('x.tif', vrt.read_bytes())
    assert status == 400
    status, answer = put('big.tif', bytes(2 * 2**20))
    assert status == 413
    assert '1 MB' in answer['detail']
    assert len(served.ask('api/state')[1]['scenes']) == 1
    names = [path.name for path in (served.args.out / 'uploads').iterdir()]
    assert len(names) == 1
    served.stop()
    assert len(serve().ask('api/state')[1]['scenes']) == 1


def test_a_job_that_fails_says_why_and_the_next_one_runs(
    serve: Serve, scene: Path
) -> None:
    served = serve(scene)
    model, decode = served.predictor.model, served.predictor.model.decode_maps
    model.decode_maps = lambda features: decode(features) * float('nan')
    job = served.start(WORDS)
    failed = served.wait(job['id'], 'failed')
    assert 'nan or infinity' in failed['error']
    model.decode_maps = decode
    served.ask(f'api/jobs/{job["id"]}/resume', {}, 'POST')
    served.wait(job['id'], 'done')
