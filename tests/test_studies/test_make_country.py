# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from make_country import SERIES, make_country
from PIL import Image

from aeroseg.datasets import CrossDataset
from aeroseg.datasets.cross.prepare import convert
from aeroseg.world import make_scene


@pytest.fixture
def country(tmp_path: Path) -> Path:
    make_country(tmp_path / 'download', 2, 64)
    convert('country', tmp_path / 'download', tmp_path / 'country')
    return tmp_path / 'country'


def test_scenes_become_a_test_set(country: Path) -> None:
    dataset = CrossDataset('country', str(country), trained=('dirt road',))
    assert len(dataset) == 2
    assert dataset.metainfo['seen_classes'] == ('dirt road',)
    info = dataset.get_data_info(1)
    scene = make_scene(1, SERIES, 64, 'country')
    assert np.array_equal(
        np.asarray(Image.open(info['img_path'])), scene.image
    )
    found = np.asarray(Image.open(info['seg_map_path']))
    assert np.array_equal(found, scene.label)
