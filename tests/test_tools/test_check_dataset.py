# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
from data.make_folder import NAMES
from data.make_pairs import make_pairs
from PIL import Image
from tool_process import run_tool


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    done = run_tool('tools/check_dataset.py', *arguments, folder=folder)
    return done.status, done.out + done.err


def test_the_command(tmp_path: Path) -> None:
    make_pairs(tmp_path / 'data', 'train', num_classes=3, seed=1)
    make_pairs(tmp_path / 'data', 'val', num_classes=3, seed=2)
    (tmp_path / 'data/names.txt').write_text(NAMES)
    status, text = run(tmp_path, 'data', '--workers', '1')
    assert status == 0, text
    assert 'train: 3 pairs' in text
    assert "only 3 images contain 'building'" in text
    sheet = np.asarray(Image.open(tmp_path / 'contact_sheet.png'))
    assert (sheet == (226, 169, 41)).all(axis=-1).any(), 'the legend'

    label = tmp_path / 'data/ann_dir/val/1.png'
    Image.fromarray(np.full((64, 48), 9, np.uint8)).save(label)
    arguments = ('data', '--workers', '1', '--sheet', '')
    status, text = run(tmp_path, *arguments)
    assert status == 1
    assert 'error: val: label data/ann_dir/val/1.png holds the id 9' in text

    label.unlink()
    status, text = run(tmp_path, *arguments)
    assert status == 1
    assert '1 of 3 images have no label' in text
