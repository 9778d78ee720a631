# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small iSAID in the official layout, in iSAID-5i's and in a bundle's.

Run as a script it makes a large one, to measure the converter with:
``PYTHONPATH=projects python tests/data/make_isaid.py FOLDER``.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from aeroseg.datasets import ISAID15Dataset

PALETTE = np.array(
    [[0, 0, 0], *ISAID15Dataset.METAINFO['palette']], dtype=np.uint8
)


def make_scene(
    rng: np.random.Generator, height: int, width: int, objects: int = 12
) -> tuple[np.ndarray, np.ndarray]:
    """An image with smooth ground and noise, and ids 0-15 (0 background)."""
    coarse = rng.integers(0, 256, (height // 64 + 2, width // 64 + 2, 3))
    ground = Image.fromarray(coarse.astype(np.uint8))
    image = np.asarray(ground.resize((width, height), Image.BICUBIC))
    noise = rng.integers(-12, 13, (height, width, 3), dtype=np.int16)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    ids = np.zeros((height, width), np.uint8)
    for i in range(objects):
        y = int(rng.integers(0, max(height - 20, 1)))
        x = int(rng.integers(0, max(width - 20, 1)))
        h, w = rng.integers(10, 90, 2)
        ids[y : y + h, x : x + w] = 1 + i % 15
    return image, ids


def make_isaid(
    root: Path,
    sizes: dict[str, tuple[tuple[int, int], ...]] | None = None,
    seed: int = 0,
) -> Path:
    """Write SPLIT/images/P####.png, _instance_color_RGB and _instance_id_RGB.

    The sizes are (width, height) of the scenes of each split.
    """
    sizes = sizes or {'train': ((600, 500), (400, 300)), 'val': ((520, 256),)}
    rng = np.random.default_rng(seed)
    number = 0
    for split, shapes in sizes.items():
        folder = root / split / 'images'
        folder.mkdir(parents=True, exist_ok=True)
        for width, height in shapes:
            objects = max(12, width * height // 40000)
            image, ids = make_scene(rng, height, width, objects)
            name = f'P{number:04d}'
            number += 1
            Image.fromarray(image).save(folder / f'{name}.png')
            mask = Image.fromarray(PALETTE[ids])
            mask.save(folder / f'{name}_instance_color_RGB.png')
            mask.save(folder / f'{name}_instance_id_RGB.png')
    return root


def make_isaid_tiles(root: Path, layout: str) -> Path:
    """Write ready-made tiles as 'isaid-5i' (ids 1-15) or 'bundle' (0-14)."""
    rng = np.random.default_rng(0)
    images, masks = {
        'isaid-5i': ('images', 'semantic_png'),
        'bundle': ('imgs', 'D2masks'),
    }[layout]
    for split, number in (('train', 3), ('val', 2)):
        for i in range(number):
            image, ids = make_scene(rng, 256, 256)
            name = f'P000{i}_0_256_206_462'
            mask_name = name
            if layout == 'isaid-5i':
                mask_name += '_instance_color_RGB'
                label = np.repeat(ids[..., None], 3, axis=2)
            else:
                label = np.where(ids == 0, 255, ids - 1).astype(np.uint8)
            for folder, stem, array in (
                (images, name, image),
                (masks, mask_name, label),
            ):
                path = root / split / folder / f'{stem}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    return root


if __name__ == '__main__':
    make_isaid(
        Path(sys.argv[1]),
        {'train': ((4000, 4000),) * 19, 'val': ((4000, 4000),)},
    )
