# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Own data as people have it: images and masks of colours side by side."""

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = """\
# name, synonym, ... [seen|unseen] [colour]
building, house [seen] [#3C1098]
land [seen] [#8429F6]
water, sea [unseen] [#E2A929]
"""
COLOURS = ((60, 16, 152), (132, 41, 246), (226, 169, 41), (155, 155, 155))


def make_folder(root: Path, masks: str = 'colours') -> Path:
    """Write names.txt and Tile N/{images/*.jpg,masks/*.png}.

    Masks of Tile 2 are palette pictures. Ids are 0-2, 255 is ignored
    (#9B9B9B in masks of colours).
    """
    rng = np.random.default_rng(0)
    root.mkdir(parents=True, exist_ok=True)
    (root / 'names.txt').write_text(NAMES)
    for tile in (1, 2, 3):
        for part in (1, 2):
            width, height = 70 + 10 * tile, 64 + part
            image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            ids = np.repeat(
                rng.integers(0, 4, (height // 8 + 1, 1)), width, axis=1
            ).repeat(8, axis=0)[:height]
            if masks == 'colours':
                mask = Image.fromarray(np.array(COLOURS, np.uint8)[ids])
                mask = mask.convert('P', palette=1) if tile == 2 else mask
            else:
                mask = Image.fromarray(
                    np.where(ids == 3, 255, ids).astype(np.uint8)
                )
            for kind, picture, ending in (
                ('images', Image.fromarray(image), 'jpg'),
                ('masks', mask, 'png'),
            ):
                path = root / f'Tile {tile}' / kind / f'part_{part}.{ending}'
                path.parent.mkdir(parents=True, exist_ok=True)
                picture.save(path)
    return root
