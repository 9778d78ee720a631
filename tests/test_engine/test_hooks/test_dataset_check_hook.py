# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from data.make_pairs import make_pairs
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmseg.registry import DATASETS
from PIL import Image

from aeroseg.datasets import OpenEarthMapDataset
from aeroseg.engine.hooks import DatasetCheckHook


@pytest.fixture
def data(tmp_path: Path) -> Path:
    make_pairs(tmp_path, 'train', seed=1)
    return make_pairs(tmp_path, 'val', seed=2)


def runner(data: Path, wrapper: str = 'none') -> SimpleNamespace:
    """What the hook reads of a Runner, with real datasets."""
    loaders = {}
    for split, classes in (('train', 'seen'), ('val', 'all')):
        dataset = OpenEarthMapDataset(
            classes=classes,
            data_root=str(data),
            data_prefix={
                'img_path': f'img_dir/{split}',
                'seg_map_path': f'ann_dir/{split}',
            },
        )
        if wrapper == 'repeat':
            dataset = RepeatDataset(dataset, 2)
        elif wrapper == 'concat':
            dataset = ConcatDataset([dataset, dataset])
        loaders[f'{split}_dataloader'] = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(
        **loaders, val_loop=object(), logger=logging.getLogger('test')
    )


@pytest.mark.parametrize('wrapper', ['none', 'repeat', 'concat'])
def test_sound_data_pass(
    data: Path, wrapper: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level('INFO'):
        DatasetCheckHook(sample=2).before_train(runner(data, wrapper))
    number = 8 if wrapper == 'concat' else 4
    assert f'Data check: {number} pairs read, no fault' in caplog.text


@pytest.mark.parametrize('wrapper', ['none', 'repeat', 'concat'])
def test_a_fault_stops_training_and_can_be_ignored(
    data: Path, wrapper: str
) -> None:
    for path in (data / 'ann_dir/val').glob('*.png'):
        Image.fromarray(np.full((64, 48), 8, np.uint8)).save(path)
    with pytest.raises(ValueError, match=r'val.*holds the id 8') as error:
        DatasetCheckHook().before_train(runner(data, wrapper))
    assert 'check_dataset.py' in str(error.value)
    DatasetCheckHook(sample=0).before_train(runner(data, wrapper))


def test_shared_pictures_are_a_warning(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = data / 'img_dir/train/0.png'
    (data / 'img_dir/val/0.png').write_bytes(image.read_bytes())
    DatasetCheckHook().before_train(runner(data))
    assert '1 pictures are in train and in val' in caplog.text


def test_made_up_scenes_have_no_files_to_check(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = runner(data)
    dataset = DATASETS.build({'type': 'WorldDataset', 'length': 2})
    one.train_dataloader.dataset = one.val_dataloader.dataset = dataset
    with caplog.at_level('INFO'):
        DatasetCheckHook().before_train(one)
    assert 'Data check' not in caplog.text


def test_a_negative_sample() -> None:
    with pytest.raises(ValueError, match='sample=-1'):
        DatasetCheckHook(sample=-1)
