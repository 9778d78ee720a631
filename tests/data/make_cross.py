# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Small copies of the cross-dataset test sets in their official layouts."""

from pathlib import Path

import numpy as np
from PIL import Image

from aeroseg.datasets.cross import load_benchmark
from aeroseg.datasets.labels import IdTable

SIZE = (48, 32)  # width, height


def paths(name: str) -> list[tuple[str, str]]:
    """Places of images and labels, as in the official downloads."""
    if name == 'loveda':
        return [
            (f'{s}/{a}/images_png/{n}.png', f'{s}/{a}/masks_png/{n}.png')
            for s, a, n in (
                ('Train', 'Rural', 0),
                ('Train', 'Urban', 1366),
                ('Val', 'Rural', 2522),
                ('Val', 'Urban', 3514),
            )
        ]
    if name == 'potsdam':
        return [
            (
                f'2_Ortho_RGB/top_potsdam_{n}_RGB.tif',
                f'5_Labels_all_noBoundary/top_potsdam_{n}_label_noBoundary.tif',
            )
            for n in ('2_10', '7_12', '2_13', '7_13')
        ]
    if name == 'vaihingen':
        truth = (
            'ISPRS_semantic_labeling_Vaihingen_ground_truth_eroded_COMPLETE'
        )
        stem = 'top_mosaic_09cm_area'
        return [
            (f'top/{stem}{n}.tif', f'{truth}/{stem}{n}_noBoundary.tif')
            for n in (1, 37, 2, 38)
        ]
    if name == 'uavid':
        return [
            (f'{place}/Images/000{n}00.png', f'{place}/Labels/000{n}00.png')
            for place, n in (
                ('uavid_train/seq1', 0),
                ('uavid_train/seq2', 1),
                ('uavid_val/seq16', 0),
                ('uavid_test/seq21', 0),
            )
        ]
    if name == 'floodnet':
        return [
            (f'{s}/{s}-org-img/{n}.jpg', f'{s}/{s}-label-img/{n}_lab.png')
            for s, n in (('train', 6279), ('val', 7606), ('test', 8001))
        ]
    if name == 'country':
        return [
            (f'test/images/0000{n}.png', f'test/labels/0000{n}.png')
            for n in range(2)
        ]
    if name == 'isaid16':
        return [
            (f'{s}/images/P{n}.png', f'{s}/images/P{n}_instance_color_RGB.png')
            for s, n in (('train', '0000'), ('train', '0001'), ('val', '0003'))
        ]
    parts = {
        'udd5': ('train', 'train', 'val'),
        'vdd': ('train', 'val', 'test'),
    }
    return [
        (f'{s}/src/DJI_{n:04d}.JPG', f'{s}/gt/DJI_{n:04d}.png')
        for n, s in enumerate(parts[name])
    ]


def make_label(name: str, rng: np.random.Generator) -> np.ndarray:
    """An official label with every id, in blocks: (H, W) or (H, W, 3)."""
    layout = load_benchmark(name).layout
    assert layout is not None
    width, height = SIZE
    if isinstance(layout.table, IdTable):
        values = np.array(
            [i for i in layout.table.mapping if i != 255], np.uint8
        )
    else:
        values = np.array(list(layout.table.colours), np.uint8)
    blocks = rng.permutation(np.arange(12) % len(values)).reshape(3, 4)
    grown = blocks.repeat(12, axis=0)[:height].repeat(12, axis=1)[:, :width]
    return values[grown]


def make_cross(root: Path, name: str) -> Path:
    """Write the official layout of a test set; the same bytes every time."""
    rng = np.random.default_rng(0)
    width, height = SIZE
    for image, label in paths(name):
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for place, array in ((image, picture), (label, make_label(name, rng))):
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(root / place)
    if name == 'loveda':  # the test labels are not public
        for area in ('Rural', 'Urban'):
            place = root / f'Test/{area}/images_png/4191.png'
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(place)
    return root
