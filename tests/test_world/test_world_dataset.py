# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from aeroseg.world import WorldDataset, make_scene
from aeroseg.world.classes import CLASSES, SEEN


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope('mmseg')


PIPELINE = [{'type': 'LoadWorldScene'}, {'type': 'PackSegInputs'}]


def test_training_never_meets_an_unseen_class() -> None:
    dataset = WorldDataset(length=6, classes='seen', pipeline=PIPELINE)
    assert dataset.metainfo['classes'] == SEEN
    assert len(dataset) == 6
    for index in range(6):
        truth = make_scene(index, 2).label
        sample = dataset[index]['data_samples'].gt_sem_seg.data[0].numpy()
        seen = truth < len(SEEN)
        np.testing.assert_array_equal(sample[seen], truth[seen])
        assert (sample[~seen] == 255).all()


def test_testing_meets_all_classes() -> None:
    config = dict(
        type='WorldDataset', length=2, series=3, size=64, pipeline=PIPELINE
    )
    dataset = DATASETS.build(config)
    assert dataset.metainfo['classes'] == CLASSES
    sample = dataset[1]
    scene = make_scene(1, 3, 64)
    image = sample['inputs'].numpy()[::-1].transpose(1, 2, 0)  # BGR to RGB
    np.testing.assert_array_equal(image, scene.image)
    label = sample['data_samples'].gt_sem_seg.data[0].numpy()
    np.testing.assert_array_equal(label, scene.label)


def test_the_dataset_is_the_same_in_every_process() -> None:
    first = WorldDataset(length=3, size=64, pipeline=PIPELINE)[2]
    again = WorldDataset(length=9, size=64, pipeline=PIPELINE)[2]
    assert (first['inputs'] == again['inputs']).all()


@pytest.mark.parametrize(
    'wrong', [{'length': 0}, {'series': -1}, {'size': 1000}]
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match='allowed are length >= 1'):
        WorldDataset(**wrong)
