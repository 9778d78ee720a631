# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A converted set in the words of a protocol."""

import json
from pathlib import Path

import numpy as np
import pytest
from data.make_cross import make_cross
from mmengine.registry import init_default_scope
from PIL import Image

from aeroseg.datasets import CrossDataset
from aeroseg.datasets.cross.cross_dataset import trained_classes
from aeroseg.datasets.cross.prepare import convert
from aeroseg.vocabulary import Vocabulary

PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadLabels'},
    {'type': 'PackSegInputs'},
]


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    init_default_scope('mmseg')
    root = tmp_path_factory.mktemp('data')
    for name in ('uavid', 'loveda', 'udd5'):
        source = make_cross(root / 'source' / name, name)
        convert(name, source, root / name)
    return root


def truth(dataset: CrossDataset, index: int = 0) -> np.ndarray:
    sample = dataset[index]['data_samples']
    return sample.gt_sem_seg.data.numpy()[0]


def file_ids(dataset: CrossDataset, index: int = 0) -> np.ndarray:
    path = dataset.get_data_info(index)['seg_map_path']
    return np.asarray(Image.open(path))


def test_classes_are_merged_as_the_protocol_says(data: Path) -> None:
    dataset = CrossDataset(
        'uavid', str(data / 'uavid'), 'segearth-ov', pipeline=PIPELINE
    )
    assert dataset.splits == ('test',)
    names = dataset.metainfo['classes']
    assert names[3:5] == ('car', 'tree')
    ids = file_ids(dataset)
    # Moving cars (5) and static cars (6) are cars, trees come after them.
    wanted = np.array([0, 1, 2, 4, 5, 3, 3, 6])[ids]
    assert np.array_equal(truth(dataset), wanted)


def test_pixels_without_a_class_can_be_a_class(data: Path) -> None:
    root = str(data / 'loveda')
    seven = CrossDataset('loveda', root, 'segearth-ov', pipeline=PIPELINE)
    ids = file_ids(seven)
    assert 255 in ids
    assert np.array_equal(truth(seven), ids)
    eight = CrossDataset('loveda', root, 'ovrsisbench-v1', pipeline=PIPELINE)
    ids = file_ids(eight)
    wanted = np.where(ids == 255, 0, ids + 1)
    assert np.array_equal(truth(eight), wanted)
    assert len(eight) == 4  # train and val
    assert len(seven) == 2


def test_own_protocol_leaves_the_training_part_out(data: Path) -> None:
    dataset = CrossDataset('uavid', str(data / 'uavid'))
    assert set(dataset.splits) == {'val', 'test'}
    assert dataset.metainfo['classes'][0] == 'background clutter'
    assert dataset.metainfo.get('threshold') is None


def test_words_threshold_and_background_reach_the_vocabulary(
    data: Path,
) -> None:
    dataset = CrossDataset('loveda', str(data / 'loveda'), 'segearth-ov')
    vocabulary = Vocabulary.from_metainfo(dataset.metainfo)
    assert vocabulary.synonyms[1] == ('building', 'roof', 'house')
    assert vocabulary.threshold == 0.3
    assert dataset.metainfo['background_id'] == 0
    assert vocabulary.palette[1] == (255, 0, 0)


def test_words_of_the_training_are_marked(data: Path) -> None:
    root = str(data / 'udd5')
    known = CrossDataset('udd5', root, trained=('Buildings', 'sea'))
    assert known.metainfo['seen_classes'] == ('building',)
    assert known.cross['in_training'] == ['building']
    never = CrossDataset('udd5', root, trained=())
    assert never.metainfo['seen_classes'] == ()
    unsure = CrossDataset('udd5', root)
    assert 'seen_classes' not in unsure.metainfo
    assert unsure.cross['in_training'] is None


def test_a_synonym_that_was_trained_counts() -> None:
    words = (('car', 'Low-Vegetation'), ('grass',))
    vocabulary = Vocabulary(('car', 'grass'), words)
    assert trained_classes(vocabulary, ['low vegetation']) == ('car',)
    assert trained_classes(vocabulary, ['Cars', 'grass']) == ('car', 'grass')
    assert trained_classes(vocabulary, ['gras']) == ()
    assert trained_classes(vocabulary, []) == ()


def test_other_words_have_a_line_per_class(data: Path, tmp_path: Path) -> None:
    file = tmp_path / 'words.txt'
    file.write_text('shrub\nhouse\nstreet\ncar\nrest\n')
    root = str(data / 'udd5')
    dataset = CrossDataset('udd5', root, 'segearth-ov', words=str(file))
    assert dataset.metainfo['classes'][:2] == ('shrub', 'house')
    # The background stays the class in its place.
    assert dataset.metainfo['background_id'] == 4
    assert dataset.cross['differences'] == ['words of words.txt']
    file.write_text('shrub\nhouse\n')
    with pytest.raises(
        ValueError, match=r'words.txt has 2 classes, but udd5 has 5 in this'
    ):
        CrossDataset('udd5', root, words=str(file))


def test_what_differs_from_the_protocol_is_noted(data: Path) -> None:
    root = str(data / 'uavid')
    dataset = CrossDataset('uavid', root, 'segearth-ov', splits=('val',))
    assert dataset.cross['differences'] == [
        'images are whole images, the protocol has 1280x1080',
        'scored on val',
    ]


def test_the_folder_of_another_dataset_is_named(data: Path) -> None:
    with pytest.raises(
        ValueError, match=r'holds UDD5 \(manifest.json\), but was given as vdd'
    ):
        CrossDataset('vdd', str(data / 'udd5'))


def test_a_part_that_is_missing_is_named(data: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no labelled part 'test', .* has \['train'"
    ):
        CrossDataset('loveda', str(data / 'loveda'), splits=('test',))


def test_folders_that_are_no_conversion(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'no folder .*/none for vdd'):
        CrossDataset('vdd', str(tmp_path / 'none'))
    with pytest.raises(FileNotFoundError, match='no finished conversion'):
        CrossDataset('vdd', str(tmp_path))
    (tmp_path / 'manifest.json').write_text('[1]')
    with pytest.raises(ValueError, match='not the record of a converter'):
        CrossDataset('vdd', str(tmp_path))
    record = {'settings': {'dataset': 'VDD'}, 'splits': {'train': {}}}
    (tmp_path / 'manifest.json').write_text(json.dumps(record))
    with pytest.raises(FileNotFoundError, match=r"only the part \['train'\]"):
        CrossDataset('vdd', str(tmp_path))
