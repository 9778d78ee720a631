# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small DLRSD in the official layout and in that of the OVRS bundle."""

from pathlib import Path

import numpy as np
from PIL import Image

from aeroseg.datasets import DLRSDDataset

FOLDERS = ('agricultural', 'airplane', 'beach')
PER_FOLDER = 10
SIZE = 32


def make_label(rng: np.random.Generator) -> np.ndarray:
    """Ids 1-17 in three vertical stripes, some of them equal."""
    stripes = rng.integers(1, 18, 3, dtype=np.uint8)
    return np.tile(stripes.repeat(SIZE)[::3][:SIZE], (SIZE, 1))


def make_dlrsd(root: Path) -> Path:
    """Write Images/FOLDER/*.tif and Labels/FOLDER/*.png (palette).

    The last image of the first folder repeats the first one.
    """
    rng = np.random.default_rng(0)
    colours = ([0, 0, 0], *DLRSDDataset.METAINFO['palette'])
    palette = [value for colour in colours for value in colour]
    for folder in FOLDERS:
        for i in range(PER_FOLDER):
            image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
            label = Image.fromarray(make_label(rng))
            label.putpalette(palette)
            for kind, picture, ending in (
                ('Images', Image.fromarray(image), 'tif'),
                ('Labels', label, 'png'),
            ):
                path = root / kind / folder / f'{folder}{i:02d}.{ending}'
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
    for kind, ending in (('Images', 'tif'), ('Labels', 'png')):
        folder = root / kind / FOLDERS[0]
        first = folder / f'{FOLDERS[0]}00.{ending}'
        last = folder / f'{FOLDERS[0]}{PER_FOLDER - 1:02d}.{ending}'
        last.write_bytes(first.read_bytes())
    return root


def make_dlrsd_bundle(root: Path, splits: tuple[str, ...]) -> Path:
    """Write [SPLIT/]{imgs,D2masks}: jpg images and ids 0-16."""
    rng = np.random.default_rng(0)
    for split in splits:
        for i in range(6):
            image = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
            label = make_label(rng) - 1
            for folder, array, ending in (
                ('imgs', image, 'jpg'),
                ('D2masks', label, 'png'),
            ):
                path = root / split / folder / f'beach{i:02d}.{ending}'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    return root
