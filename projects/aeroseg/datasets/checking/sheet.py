# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A contact sheet: some pairs of every split, with a legend."""

from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.visualization.contact_sheet import contact_sheet

from ..image_file import open_image
from ..labels import read_label, table_of
from .dataset_check import DatasetCheck
from .pair import PairFacts


def draw_sheet(
    check: DatasetCheck, path: str | Path, number: int = 16
) -> None:
    """Draw pairs without fault, spread evenly over each split.

    Args:
        check (DatasetCheck): A check that has run.
        path (str | Path): Where to save the picture.
        number (int): Pairs per split. Default: 16.

    Raises:
        ValueError: If every pair has a fault.
    """
    images, labels, captions = [], [], []
    for split, pairs in check.pairs.items():
        infos = check.infos[split]
        good = [i for i, pair in enumerate(pairs) if _is_good(pair)]
        places = np.linspace(0, len(good) - 1, min(number, len(good)))
        for i in (good[int(place)] for place in places.round()):
            image, label = _load(infos[i])
            images.append(image)
            labels.append(label)
            captions.append(f'{split}: {Path(pairs[i].image).stem}')
    if not images:
        raise ValueError('every pair has a fault, so there is nothing to draw')
    vocabulary = check.vocabulary(next(iter(check.pairs)))
    contact_sheet(images, labels, vocabulary, path, captions)


def _is_good(pair: PairFacts) -> bool:
    return not pair.faults and bool(pair.pixels)


def _load(info: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    image, label = info['img_path'], info['seg_map_path']
    picture = open_image(Path(image).read_bytes(), image).convert('RGB')
    ids = read_label(Path(label).read_bytes(), label, table_of(info))
    return np.asarray(picture), ids
