# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.make_pairs import make_pairs
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image

from aeroseg.datasets import (
    DLRSDDataset,
    ISAID15Dataset,
    OpenEarthMapDataset,
    OpenVocabDataset,
)

PREFIX = {'img_path': 'img_dir/train', 'seg_map_path': 'ann_dir/train'}
PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadLabels'},
    {'type': 'PackSegInputs'},
]


def build(
    root: Path, type: str = 'OpenEarthMapDataset', **kwargs: Any
) -> OpenVocabDataset:
    init_default_scope('mmseg')
    cfg = {'data_root': str(root), 'data_prefix': PREFIX} | kwargs
    return DATASETS.build({'type': type, 'pipeline': PIPELINE} | cfg)


def labels(dataset: OpenVocabDataset, index: int = 0) -> np.ndarray:
    return dataset[index]['data_samples'].gt_sem_seg.data[0].numpy()


@pytest.mark.parametrize(
    ('cls', 'total', 'seen'),
    [
        (ISAID15Dataset, 15, 9),
        (DLRSDDataset, 17, 10),
        (OpenEarthMapDataset, 8, 4),
    ],
)
def test_the_split_has_the_sizes_of_the_paper(
    cls: type, total: int, seen: int
) -> None:
    meta = cls.METAINFO
    assert len(meta['classes']) == len(meta['palette']) == total
    assert len({tuple(c) for c in meta['palette']}) == total
    assert len(set(meta['seen_classes']) & set(meta['classes'])) == seen
    unseen = cls(classes='unseen', lazy_init=True).metainfo['classes']
    assert len(unseen) == total - seen
    assert not set(unseen) & set(meta['seen_classes'])


def test_seen_classes_are_renumbered_and_the_rest_is_255(
    tmp_path: Path,
) -> None:
    dataset = build(make_pairs(tmp_path), classes='seen')
    assert dataset.metainfo['classes'] == (
        'bareland', 'rangeland', 'road', 'building',
    )  # fmt: skip
    assert dataset.metainfo['palette'][2] == [255, 255, 255]
    raw = np.asarray(Image.open(tmp_path / 'ann_dir/train/0.png'))
    table = np.full(256, 255)
    table[[0, 1, 3, 7]] = range(4)
    assert np.array_equal(labels(dataset), table[raw])


def test_labels_of_the_seen_classes_keep_their_ids(tmp_path: Path) -> None:
    dataset = build(make_pairs(tmp_path), labels='seen')
    names = OpenEarthMapDataset.METAINFO['classes']
    assert dataset.metainfo['classes'] == names
    assert dataset.labelled == ('bareland', 'rangeland', 'road', 'building')
    raw = np.asarray(Image.open(tmp_path / 'ann_dir/train/0.png'))
    expected = np.where(np.isin(raw, [0, 1, 3, 7]), raw, 255)
    assert np.array_equal(labels(dataset), expected)


def test_labels_and_classes_may_be_chosen_together(tmp_path: Path) -> None:
    chosen = {'classes': ('tree', 'road', 'water'), 'labels': 'seen'}
    dataset = build(make_pairs(tmp_path), **chosen)
    raw = np.asarray(Image.open(tmp_path / 'ann_dir/train/0.png'))
    assert np.array_equal(labels(dataset), np.where(raw == 3, 1, 255))


@pytest.mark.parametrize(
    ('chosen', 'message'),
    [
        ({'labels': 'some'}, "labels='some'; allowed are 'all'"),
        ({'labels': ('roof',)}, r"has no class \['roof'\]"),
        ({'classes': 'seen', 'labels': 'unseen'}, 'no class in common'),
    ],
)
def test_wrong_labels_are_refused(
    tmp_path: Path, chosen: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(make_pairs(tmp_path), **chosen)


def test_all_classes_keep_their_ids(tmp_path: Path) -> None:
    dataset = build(make_pairs(tmp_path))
    raw = np.asarray(Image.open(tmp_path / 'ann_dir/train/0.png'))
    assert np.array_equal(labels(dataset), raw)
    assert len(dataset) == 3
    assert (
        dataset.metainfo['seen_classes']
        == (OpenEarthMapDataset.METAINFO['seen_classes'])
    )


@pytest.mark.parametrize('how', ['argument', 'metainfo'])
def test_names_set_the_order_and_the_colours(tmp_path: Path, how: str) -> None:
    names = ('water', 'road', 'bareland')
    make_pairs(tmp_path)
    given = (
        {'classes': names}
        if how == 'argument'
        else {'metainfo': {'classes': names}}
    )
    dataset = build(tmp_path, **given)
    assert dataset.metainfo['classes'] == names
    assert dataset.metainfo['palette'][0] == [0, 69, 255]
    raw = np.asarray(Image.open(tmp_path / 'ann_dir/train/0.png'))
    assert np.array_equal(labels(dataset) == 0, raw == 5)
    assert np.array_equal(labels(dataset) == 2, raw == 0)


def test_a_permutation_of_all_names_permutes_the_palette(
    tmp_path: Path,
) -> None:
    names = OpenEarthMapDataset.METAINFO['classes'][::-1]
    dataset = OpenEarthMapDataset(classes=names, lazy_init=True)
    colours = OpenEarthMapDataset.METAINFO['palette'][::-1]
    assert dataset.metainfo['palette'] == colours


def test_another_split_of_the_same_classes(tmp_path: Path) -> None:
    dataset = OpenEarthMapDataset(
        classes='unseen',
        metainfo={'seen_classes': ('tree', 'water')},
        lazy_init=True,
    )
    assert len(dataset.metainfo['classes']) == 6
    assert 'tree' not in dataset.metainfo['classes']


def test_a_list_chooses_and_orders_the_images(tmp_path: Path) -> None:
    make_pairs(tmp_path)
    (tmp_path / 'list.txt').write_text('2\n0.png\n')
    dataset = build(tmp_path, ann_file='list.txt')
    names = [Path(dataset.get_data_info(i)['img_path']).stem for i in (0, 1)]
    assert names == ['2', '0']
    assert len(dataset) == 2


def test_images_alone_for_prediction(tmp_path: Path) -> None:
    make_pairs(tmp_path)
    prefix = {'img_path': 'img_dir/train'}
    sample = build(tmp_path, data_prefix=prefix)[0]
    assert 'gt_sem_seg' not in sample['data_samples']


def test_official_openearthmap_labels_are_read_directly(
    shared_dir: Path,
) -> None:
    dataset = build(
        shared_dir / 'data/openearthmap/koeln',
        data_prefix={'img_path': 'images', 'seg_map_path': 'labels'},
        img_suffix='.tif',
        seg_map_suffix='.tif',
        reduce_zero_label=True,
    )
    assert set(np.unique(labels(dataset))) == {1, 2, 3, 4, 6, 7}


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'classes': 'Seen'}, "allowed are 'all', 'seen', 'unseen'"),
        ({'classes': ('road', 'rode')}, r"no class \['rode'\]"),
        ({'classes': ('road', 'road')}, 'given twice'),
        ({'classes': ()}, 'empty'),
        ({'classes': 'seen', 'metainfo': {'seen_classes': ('lake',)}},
         r"no class \['lake'\]; its classes are"),
        ({'classes': 'seen', 'metainfo': {'seen_classes': ()}},
         'no class is seen'),
        ({'classes': 'seen', 'metainfo': {'seen_classes': None}},
         'no class is marked as seen'),
        ({'classes': 'seen', 'metainfo': {'classes': ('road',)}},
         'given twice'),
    ],
)  # fmt: skip
def test_wrong_classes_are_named(kwargs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OpenEarthMapDataset(lazy_init=True, **kwargs)


@pytest.mark.parametrize(
    ('names', 'message'),
    [((), 'empty'), (('a', ''), 'empty'), (('a', 'b', 'A'), 'given twice')],
)
def test_a_dataset_without_proper_names(
    names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        OpenVocabDataset(metainfo={'classes': names}, lazy_init=True)


def test_a_missing_data_root(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data_root='.*nowhere'"):
        build(tmp_path / 'nowhere')


def test_an_image_without_label(tmp_path: Path) -> None:
    make_pairs(tmp_path)
    (tmp_path / 'ann_dir/train/1.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 images .*1\.png'):
        build(tmp_path)


def test_a_listed_image_that_is_not_there(tmp_path: Path) -> None:
    make_pairs(tmp_path)
    (tmp_path / 'list.txt').write_text('0\n7\n')
    with pytest.raises(FileNotFoundError, match=r'first is 7\.png'):
        build(tmp_path, ann_file='list.txt')
    with pytest.raises(FileNotFoundError, match=r'no list .*none\.txt'):
        build(tmp_path, ann_file='none.txt')


def test_a_folder_without_images(tmp_path: Path) -> None:
    make_pairs(tmp_path)
    with pytest.raises(ValueError, match=r'no image \*\.jpg'):
        build(tmp_path, img_suffix='.jpg')


def test_every_class_can_be_marked_as_seen(tmp_path: Path) -> None:
    root = make_pairs(tmp_path)
    dataset = build(root, metainfo={'seen_classes': 'all'})
    names = dataset.metainfo['classes']
    assert dataset.metainfo['seen_classes'] == names
    assert len(names) == 8
    seen = build(root, metainfo={'seen_classes': 'all'}, classes='seen')
    assert seen.metainfo['classes'] == names
