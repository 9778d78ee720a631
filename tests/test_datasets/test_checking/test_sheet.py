# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from data.make_pairs import make_pairs
from PIL import Image

from aeroseg.datasets import OpenEarthMapDataset
from aeroseg.datasets.checking import DatasetCheck
from aeroseg.datasets.checking.sheet import draw_sheet


def ran(root: Path) -> DatasetCheck:
    dataset = OpenEarthMapDataset(
        data_root=str(root),
        data_prefix={
            'img_path': 'img_dir/train',
            'seg_map_path': 'ann_dir/train',
        },
    )
    check = DatasetCheck({'train': dataset})
    list(check.run())
    return check


def test_sound_pairs_are_drawn_with_a_legend(tmp_path: Path) -> None:
    make_pairs(tmp_path, number=3)
    bad = tmp_path / 'ann_dir/train/1.png'
    Image.fromarray(np.full((64, 48), 9, np.uint8)).save(bad)
    draw_sheet(ran(tmp_path), tmp_path / 'sheet.png', number=8)
    sheet = np.asarray(Image.open(tmp_path / 'sheet.png'))
    for colour in OpenEarthMapDataset.METAINFO['palette']:
        assert (sheet == colour).all(axis=-1).any()


def test_nothing_sound_to_draw(tmp_path: Path) -> None:
    make_pairs(tmp_path, number=1)
    (tmp_path / 'ann_dir/train/0.png').write_bytes(b'')
    with pytest.raises(ValueError, match='every pair has a fault'):
        draw_sheet(ran(tmp_path), tmp_path / 'sheet.png')
    assert not (tmp_path / 'sheet.png').exists()
