# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Small pairs of images and labels in the layout of the datasets."""

from pathlib import Path

import numpy as np
from PIL import Image


def make_pairs(
    root: Path,
    split: str = 'train',
    number: int = 3,
    num_classes: int = 8,
    size: tuple[int, int] = (48, 64),
    seed: int = 0,
) -> Path:
    """Write img_dir/SPLIT/N.png and ann_dir/SPLIT/N.png; size is (W, H)."""
    rng = np.random.default_rng(seed)
    width, height = size
    for folder in ('img_dir', 'ann_dir'):
        (root / folder / split).mkdir(parents=True, exist_ok=True)
    for i in range(number):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        label = rng.integers(0, num_classes, (height, width), dtype=np.uint8)
        label[0, :5] = 255
        Image.fromarray(image).save(root / 'img_dir' / split / f'{i}.png')
        Image.fromarray(label).save(root / 'ann_dir' / split / f'{i}.png')
    return root
