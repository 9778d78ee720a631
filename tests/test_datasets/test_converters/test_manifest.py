# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
from pathlib import Path

import numpy as np
import pytest

from aeroseg.datasets.converters.manifest import Manifest
from aeroseg.datasets.converters.tiles import write_tile
from aeroseg.datasets.converters.tiling import Window


def record(root: Path, scene: str, split: str = 'train') -> dict:
    tile = write_tile(
        root,
        split,
        f'{scene}_0',
        Window(0, 0, 4, 4),
        np.zeros((4, 4, 3), np.uint8),
        np.eye(4, dtype=np.uint8),
    )
    origin = {'file': f'{scene}.png', 'bytes': 1, 'time': 2, 'sha256': 'a'}
    return {
        'scene': scene,
        'tiles': [tile],
        'image': origin,
        'label': origin,
    }


def test_records_survive_without_finish(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, {'size': 4})
    manifest.start()
    manifest.add(record(tmp_path, 'a'))
    assert set(Manifest(tmp_path, {'size': 4}).records) == {'a'}
    assert not (tmp_path / 'manifest.json').exists()


def test_the_order_of_work_does_not_show(tmp_path: Path) -> None:
    for folder, order in (('one', 'ab'), ('two', 'ba')):
        root = tmp_path / folder
        manifest = Manifest(root, {})
        manifest.start()
        for scene in order:
            manifest.add(record(root, scene))
        manifest.finish(('zero', 'one'), ['a sentence'])
    for name in ('tiles.jsonl', 'manifest.json', 'train.txt'):
        one, two = (tmp_path / f / name for f in ('one', 'two'))
        assert one.read_bytes() == two.read_bytes()
    assert (tmp_path / 'one/train.txt').read_text() == 'a_0\nb_0\n'
    assert not (tmp_path / 'one/.tiles.jsonl.part').exists()


def test_the_summary(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, {'size': 4})
    manifest.start()
    manifest.add(record(tmp_path, 'a', 'val'))
    manifest.finish(('zero', 'one', 'two'), ['a sentence'])
    summary = json.loads((tmp_path / 'manifest.json').read_text())
    assert summary == {
        'settings': {'size': 4},
        'scenes': 1,
        'splits': {
            'val': {
                'tiles': 1,
                'pixels': {'zero': 12, 'one': 4, 'two': 0, 'ignored': 0},
                'tiles_with': {'zero': 1, 'one': 1, 'two': 0, 'ignored': 0},
            }
        },
        'report': ['a sentence'],
    }


def test_other_settings(tmp_path: Path) -> None:
    Manifest(tmp_path, {'size': 4}).start()
    with pytest.raises(ValueError, match=r"there: \{'size': 4\}"):
        Manifest(tmp_path, {'size': 5})


def test_foreign_files(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, {})
    manifest.start()
    manifest.add(record(tmp_path, 'a'))
    assert manifest.foreign_files() == []
    (tmp_path / 'img_dir/train/b.png').write_bytes(b'')
    assert manifest.foreign_files() == ['img_dir/train/b.png']
