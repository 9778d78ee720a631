# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.datasets.checking.pair import scan_pair, scan_pairs


@pytest.fixture
def info(tmp_path: Path) -> dict:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    Image.fromarray(image).save(tmp_path / 'image.png')
    label = np.array([[0, 1, 2, 2, 255]] * 4, np.uint8)
    Image.fromarray(label).save(tmp_path / 'label.png')
    return {
        'img_path': str(tmp_path / 'image.png'),
        'seg_map_path': str(tmp_path / 'label.png'),
        'num_ids': 3,
        'reduce_zero_label': False,
        'label_map': {0: 255, 1: 0, 2: 255},
    }


def test_facts_use_all_classes(info: dict) -> None:
    facts = scan_pair(info)
    assert facts.faults == []
    assert facts.size == (5, 4)
    assert facts.pixels == {0: 4, 1: 4, 2: 8, 255: 4}
    assert facts.raw_ids == (0, 1, 2, 255)
    assert not facts.is_empty


def test_zero_label(info: dict) -> None:
    facts = scan_pair({**info, 'reduce_zero_label': True})
    assert facts.pixels == {0: 4, 1: 8, 255: 8}


def test_masks_of_colours(info: dict) -> None:
    mask = np.zeros((4, 5, 3), np.uint8)
    mask[:2] = (9, 8, 7)
    Image.fromarray(mask).save(info['seg_map_path'])
    colours = {(0, 0, 0): 255, (9, 8, 7): 1}
    facts = scan_pair({**info, 'colours': colours})
    assert facts.pixels == {1: 10, 255: 10}
    facts = scan_pair({**info, 'colours': {(0, 0, 0): 255}})
    assert '(9, 8, 7) at column 0, row 0' in facts.faults[0]


def test_the_digest_is_of_the_pixels(info: dict, tmp_path: Path) -> None:
    before = scan_pair(info).digest
    image = Image.open(info['img_path'])
    image.save(info['img_path'], compress_level=0)
    assert scan_pair(info).digest == before
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(info['img_path'])
    assert scan_pair(info).digest != before


def test_an_image_alone(info: dict) -> None:
    facts = scan_pair({**info, 'seg_map_path': None})
    assert (facts.size, facts.pixels, facts.faults) == ((5, 4), {}, [])


def test_several_faults_of_a_pair_are_collected(info: dict) -> None:
    Path(info['img_path']).write_bytes(b'no image')
    Path(info['seg_map_path']).unlink()
    (facts,) = scan_pairs([info])
    assert len(facts.faults) == 2
