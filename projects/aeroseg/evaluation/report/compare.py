# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The paired difference of two reports."""

from pathlib import Path
from typing import Any

import numpy as np

from .bootstrap import REPLICATES, paired_difference
from .image_counts import COUNTS_FILE, ImageCounts


def find_counts(folder: str | Path) -> Path:
    """The counts of a report.

    Args:
        folder (str | Path): The folder of a report, a folder above it that
            holds no other report, or the file itself.

    Raises:
        FileNotFoundError: If there are none.
        ValueError: If there are several.
    """
    folder = Path(folder)
    if folder.is_file():
        return folder
    found = sorted(folder.rglob(COUNTS_FILE))
    if not found:
        raise FileNotFoundError(
            f'{folder} holds no {COUNTS_FILE}; tools/test.py --report full '
            'writes one into the folder of its report'
        )
    if len(found) > 1:
        names = ', '.join(str(path.parent) for path in found[:4])
        raise ValueError(
            f'{folder} holds {len(found)} reports; name one: {names}'
        )
    return found[0]


def compare_reports(
    first: ImageCounts,
    second: ImageCounts,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Any]:
    """How much better the second run is, image by image.

    Args:
        first (ImageCounts): Of the first run.
        second (ImageCounts): Of the second, over the same images.
        replicates (int): Sets of images that are drawn.
        seed (int): Of the draws.

    Returns:
        dict: 'IoU' and 'boundary_IoU' (the latter where both runs have the
        same width): per mean 'value', 'mean', 'low' and 'high' of second
        minus first, in points of percent, and 'above', the share of draws
        with a difference above 0.

    Raises:
        ValueError: If images, classes or labels differ.
    """
    second = _aligned(first, second)
    result: dict[str, Any] = {'images': len(first.images)}
    kinds = {'IoU': False}
    if first.boundary_width == second.boundary_width:
        kinds['boundary_IoU'] = True
    for kind, boundary in kinds.items():
        found = paired_difference(
            first.dense(boundary),
            second.dense(boundary),
            first.seen,
            replicates,
            seed,
        )
        result[kind] = {
            name: {**difference._asdict(), 'above': above}
            for name, (difference, above) in found.items()
        }
    return result


def _aligned(first: ImageCounts, second: ImageCounts) -> ImageCounts:
    """The second run with the images in the order of the first."""
    if first.classes != second.classes or first.seen != second.seen:
        raise ValueError(
            f'the runs were scored on other classes: {list(first.classes)} '
            f'and {list(second.classes)}, or on other marks of the seen ones'
        )
    lacking = sorted({*first.images} ^ {*second.images})
    if lacking or len(first.images) != len(second.images):
        raise ValueError(
            f'the runs have {len(first.images)} and {len(second.images)} '
            f'images, of which {len(lacking)} are in one of them only, such '
            f'as {lacking[:3]}; compare runs over the same test data'
        )
    place = {path: index for index, path in enumerate(first.images)}
    if len(place) < len(first.images):
        raise ValueError('an image was tested twice, so runs cannot be paired')
    moved = np.array([place[path] for path in second.images])
    aligned = ImageCounts(
        first.images,
        second.classes,
        second.seen,
        second.boundary_width,
        moved[second.image],
        second.label,
        second.counts,
    )
    truth, other = first.dense()[..., 2], aligned.dense()[..., 2]
    changed = np.flatnonzero((truth != other).any(axis=1))
    if len(changed):
        raise ValueError(
            f'the labels of {len(changed)} images differ between the runs, '
            f'such as {first.images[changed[0]]}; compare runs over the same '
            'test data'
        )
    return aligned
