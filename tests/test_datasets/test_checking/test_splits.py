# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
from pathlib import Path

import pytest
from data.make_pairs import make_pairs

from aeroseg.datasets import FolderDataset, OpenEarthMapDataset
from aeroseg.datasets.checking.splits import splits_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_pairs(tmp_path, 'train')
    return make_pairs(tmp_path, 'val', number=2)


def test_a_converted_folder(root: Path) -> None:
    settings = {'settings': {'dataset': 'OpenEarthMap'}}
    (root / 'manifest.json').write_text(json.dumps(settings))
    splits = splits_of(root)
    assert [len(d) for d in splits.values()] == [3, 2]
    assert all(isinstance(d, OpenEarthMapDataset) for d in splits.values())


def test_a_folder_with_names(root: Path) -> None:
    (root / 'names.txt').write_text('\n'.join('abcdefgh'))
    splits = splits_of(root)
    assert list(splits) == ['train', 'val']
    assert isinstance(splits['val'], FolderDataset)
    (root / 'names.txt').rename(root / 'other.txt')
    with pytest.raises(ValueError, match='give --names'):
        splits_of(root)
    assert len(splits_of(root, str(root / 'other.txt'))['val']) == 2


def test_a_config_with_all_classes(root: Path, tmp_path: Path) -> None:
    config = tmp_path / 'config.py'
    config.write_text(
        "custom_imports = dict(imports=['aeroseg'])\n"
        'train_dataloader = dict(dataset=dict(\n'
        "    type='RepeatDataset', times=2, dataset=dict(\n"
        f"        type='OpenEarthMapDataset', data_root={str(root)!r},\n"
        "        classes='seen', pipeline=[dict(type='LoadLabels')],\n"
        "        data_prefix=dict(img_path='img_dir/train',\n"
        "                         seg_map_path='ann_dir/train'))))\n"
        'val_dataloader = dict(dataset=dict(\n'
        f"    type='OpenEarthMapDataset', data_root={str(root)!r},\n"
        "    data_prefix=dict(img_path='img_dir/val',\n"
        "                     seg_map_path='ann_dir/val')))\n"
        'test_dataloader = val_dataloader\n'
    )
    splits = splits_of(config)
    assert {n: len(d) for n, d in splits.items()} == {'train': 3, 'val': 2}
    assert len(splits['train'].metainfo['classes']) == 8


def test_what_cannot_be_checked(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no config and no folder'):
        splits_of(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError, match='has no img_dir/train'):
        splits_of(root / 'img_dir')
    (tmp_path / 'empty.py').write_text('model = None\n')
    with pytest.raises(ValueError, match='names no dataset'):
        splits_of(tmp_path / 'empty.py')
