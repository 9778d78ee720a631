# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.make_folder import COLOURS, NAMES, make_folder
from data.make_pairs import make_pairs
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from aeroseg.datasets import FolderDataset
from aeroseg.vocabulary import Vocabulary

PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadLabels'},
    {'type': 'PackSegInputs'},
]


def build(root: Path, **kwargs: Any) -> FolderDataset:
    init_default_scope('mmseg')
    cfg = {
        'data_root': str(root),
        'data_prefix': {
            'img_path': 'Tile 1/images',
            'seg_map_path': 'Tile 1/masks',
        },
        'img_suffix': '.jpg',
        'pipeline': PIPELINE,
    }
    return FolderDataset(**(cfg | kwargs))


def labels(dataset: FolderDataset) -> np.ndarray:
    return dataset[0]['data_samples'].gt_sem_seg.data[0].numpy()


def test_names_synonyms_colours_and_marks(tmp_path: Path) -> None:
    dataset = build(make_folder(tmp_path, 'ids'))
    meta = dataset.metainfo
    assert meta['classes'] == ('building', 'land', 'water')
    assert meta['seen_classes'] == ('building', 'land')
    assert meta['synonyms'] == {'building': ('house',), 'water': ('sea',)}
    assert meta['palette'][0] == [60, 16, 152]
    raw = np.asarray(Image.open(tmp_path / 'Tile 1/masks/part_1.png'))
    assert np.array_equal(labels(dataset), raw)


@pytest.mark.parametrize('tile', [1, 2])
def test_masks_of_colours_also_with_palette(tmp_path: Path, tile: int) -> None:
    root = make_folder(tmp_path)
    dataset = build(
        root,
        masks='colours',
        ignore_colours=('#9B9B9B',),
        data_prefix={
            'img_path': f'Tile {tile}/images',
            'seg_map_path': f'Tile {tile}/masks',
        },
    )
    mask = Image.open(root / f'Tile {tile}/masks/part_1.png')
    assert mask.mode == ('P' if tile == 2 else 'RGB')
    rgb = np.asarray(mask.convert('RGB'))
    expected = np.full(rgb.shape[:2], 255)
    for i, colour in enumerate(COLOURS[:3]):
        expected[(rgb == colour).all(axis=-1)] = i
    assert np.array_equal(labels(dataset), expected)


def test_unseen_classes_are_hidden_in_training(tmp_path: Path) -> None:
    root = make_folder(tmp_path)
    kwargs = {'masks': 'colours', 'ignore_colours': [(155, 155, 155)]}
    every = labels(build(root, **kwargs))
    seen = build(root, classes='seen', **kwargs)
    assert seen.metainfo['classes'] == ('building', 'land')
    assert np.array_equal(labels(seen), np.where(every == 2, 255, every))


def test_names_from_another_place(tmp_path: Path) -> None:
    root = make_folder(tmp_path / 'data', 'ids')
    (root / 'names.txt').rename(tmp_path / 'other.txt')
    dataset = build(root, names=str(tmp_path / 'other.txt'))
    assert len(dataset.metainfo['classes']) == 3
    with pytest.raises(FileNotFoundError, match='no vocabulary file'):
        build(root)


@pytest.mark.parametrize(
    ('text', 'kwargs', 'message'),
    [
        ('a\nb\n', {'masks': 'colours'}, 'has no colours'),
        ('a [#000000]\nb [#000000]\n', {'masks': 'colours'}, 'used twice'),
        (
            NAMES,
            {'masks': 'colours', 'ignore_colours': ['red']},
            'not a colour',
        ),
        (NAMES, {'masks': 'rgb'}, "masks='rgb'"),
        (NAMES, {'ignore_colours': ['#000000']}, 'ignored pixels are 255'),
        ('a\nb\n', {'classes': 'seen'}, 'no class is marked as seen'),
        ('\n'.join(f'c{i}' for i in range(300)), {}, '300 classes'),
        ('a\na\n', {}, 'given twice'),
        ('', {}, 'empty'),
    ],
)
def test_faults_of_names_txt(
    tmp_path: Path, text: str, kwargs: dict, message: str
) -> None:
    root = make_folder(tmp_path, 'ids')
    (root / 'names.txt').write_text(text)
    with pytest.raises(ValueError, match=message):
        build(root, **kwargs)


def test_a_colour_without_class_is_named(tmp_path: Path) -> None:
    dataset = build(make_folder(tmp_path), masks='colours')
    with pytest.raises(ValueError, match=r'part_1\.png .*\(155, 155, 155\)'):
        dataset[0]


def test_the_example_config_and_its_copy_in_the_docs(
    tmp_path: Path, root: Path
) -> None:
    path = root / 'configs/folder/aeroseg_tiny_1xb2-20_dubai-64x64.py'
    code = path.read_text().split('\n', 1)[1]
    assert code.strip() in (root / 'docs/datasets.md').read_text()
    names = (path.parent / 'dubai_names.txt').read_text()
    assert names.split('\n', 1)[1] in (root / 'docs/datasets.md').read_text()
    config = Config.fromfile(path)
    make_pairs(tmp_path, 'train', num_classes=5)
    init_default_scope('mmseg')
    train = config.train_dataloader.dataset
    dataset = DATASETS.build({**train, 'data_root': str(tmp_path)})
    vocabulary = Vocabulary.build(config.model.vocabulary)
    assert dataset.metainfo['classes'] == vocabulary.names
    assert vocabulary.names == ('building', 'land', 'road', 'water')
    assert config.val_dataloader.dataset.classes == 'all'
