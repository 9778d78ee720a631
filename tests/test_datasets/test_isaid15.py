# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from mmseg.datasets import iSAIDDataset
from mmseg.registry import DATASETS

from aeroseg.datasets import ISAID15Dataset

META = ISAID15Dataset.METAINFO


def test_it_is_not_the_dataset_of_mmseg() -> None:
    assert DATASETS.get('ISAID15Dataset') is ISAID15Dataset
    assert DATASETS.get('iSAIDDataset') is iSAIDDataset
    assert 'background' not in META['classes']


def test_colours_and_order_are_those_of_mmseg_without_background() -> None:
    official = iSAIDDataset.METAINFO
    assert META['palette'] == official['palette'][1:]
    words = [name.lower().replace('_', ' ') for name in official['classes']]
    same = {'store tank': 'storage tank'}
    assert list(META['classes']) == [same.get(w, w) for w in words[1:]]
