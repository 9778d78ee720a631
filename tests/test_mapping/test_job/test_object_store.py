# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes from S3 and results to S3, with moto's server on loopback."""

import argparse
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.s3_server import serve_s3

from aeroseg.apis.command import add_arguments, run
from aeroseg.mapping.job.output_folder import ForeignFileError
from aeroseg.mapping.reading.remote_scene import UnreachableError

pytest.importorskip('boto3')
pytest.importorskip('moto')
Predict = Callable[..., int]


@pytest.fixture(scope='module')
def s3() -> Iterator[Any]:
    with serve_s3('maps') as client:
        yield client


@pytest.fixture
def predict(
    tiny_files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Predict:
    """predict.py in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> int:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        model = [f'--{k}={v}' for k, v in tiny_files.items()]
        given = [str(a) for a in arguments]
        return run(parser.parse_args([*given, *model, '--device=cpu']))

    return call


def names(client: Any, prefix: str) -> set[str]:
    """What lies below a prefix."""
    found = client.list_objects_v2(Bucket='maps', Prefix=prefix)
    return {entry['Key'] for entry in found.get('Contents', ())}


def content(client: Any, key: str) -> bytes:
    return client.get_object(Bucket='maps', Key=key)['Body'].read()


def test_a_scene_of_s3_is_mapped_into_s3(
    s3: Any,
    predict: Predict,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = write_scene(pixels)
    s3.upload_file(str(scene), 'maps', 'in/scene.tif')
    words = ('--classes', 'road; tree')
    out = 's3://maps/out/town'
    assert predict('s3://maps/in/scene.tif', *words, '--out', out) == 0
    assert predict(scene, *words, '--out', 'here') == 0
    for file in ('labels.tif', 'classes.csv'):
        here = (tmp_path / 'here' / file).read_bytes()
        assert content(s3, f'out/town/{file}') == here
    made = names(s3, 'out/town/')
    assert 'out/town/report.json' in made
    assert 'secret' not in caplog.text
    # Nothing is computed or copied twice, here or on a new machine.
    when = s3.head_object(Bucket='maps', Key='out/town/labels.tif')
    shutil.rmtree(tmp_path / 'outputs')
    caplog.clear()
    assert predict('s3://maps/in/scene.tif', *words, '--out', out) == 0
    again = s3.head_object(Bucket='maps', Key='out/town/labels.tif')
    assert again['LastModified'] == when['LastModified']
    assert (tmp_path / 'outputs/maps/out/town/labels.tif').is_file()
    # Files of the user are not replaced by what is fetched.
    local = tmp_path / 'outputs/maps/out/town/labels.tif'
    local.with_name('report.json').unlink()
    local.write_bytes(b'mine')
    with pytest.raises(ForeignFileError):
        predict('s3://maps/in/scene.tif', *words, '--out', out)
    assert local.read_bytes() == b'mine'
    # Other words are another job, here as there.
    shutil.rmtree(tmp_path / 'outputs')
    with pytest.raises(ValueError, match='results of another run'):
        predict(scene, '--classes', 'car', '--out', out)
    replacing = ('--classes', 'car', '--out', out, '--overwrite')
    assert predict(scene, *replacing) == 0
    assert content(s3, 'out/town/labels.tif') == local.read_bytes()


def test_files_of_others_are_not_replaced(
    s3: Any,
    predict: Predict,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    scene = write_scene(pixels)
    s3.put_object(Bucket='maps', Key='mine/labels.tif', Body=b'mine')
    with pytest.raises(ForeignFileError, match=r'holds labels\.tif'):
        predict(scene, '--classes', 'road', '--out', 's3://maps/mine')
    assert content(s3, 'mine/labels.tif') == b'mine'
    assert names(s3, 'mine/') == {'mine/labels.tif'}
    assert (tmp_path / 'outputs/maps/mine/labels.tif').is_file()


def test_a_bucket_that_is_missing_keeps_the_results_here(
    s3: Any,
    predict: Predict,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    scene = write_scene(pixels)
    with pytest.raises(UnreachableError, match='s3://none/x/'):
        predict(scene, '--classes', 'road', '--out', 's3://none/x')
    assert (tmp_path / 'outputs/none/x/report.json').is_file()


@pytest.mark.parametrize(
    ('out', 'said'),
    [
        ('https://host/maps', 'object store'),
        ('s3://', 'names no bucket'),
        ('s3://maps/../x', 'names no bucket'),
    ],
)
def test_addresses_that_cannot_be_written(
    predict: Predict, out: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        predict('scene.tif', '--classes', 'road', '--out', out)
