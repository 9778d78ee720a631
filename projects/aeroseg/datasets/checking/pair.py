# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What one image and its label look like."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..image_file import open_image
from ..labels import (
    IGNORE_INDEX,
    is_packed,
    read_ids,
    read_label,
    table_of,
)


@dataclass
class PairFacts:
    """Facts about one image and its label.

    Attributes:
        image (str): Path of the image.
        size (tuple[int, int]): Width and height of the image, px.
        digest (str): Hash of its pixels; equal pictures, equal digest.
        pixels (dict[int, int]): Pixels per class id; 255 is ignored. Empty
            where the label is faulty.
        raw_ids (tuple[int, ...]): The values in the label file; empty for
            colour masks.
        packed (bool): Whether the label is a palette PNG with less than 8
            bit per pixel, in which ids get lost.
        faults (list[str]): What is wrong, one sentence each.
    """

    image: str
    size: tuple[int, int] = (0, 0)
    digest: str = ''
    pixels: dict[int, int] = field(default_factory=dict)
    raw_ids: tuple[int, ...] = ()
    packed: bool = False
    faults: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether no pixel of the label counts."""
        return set(self.pixels) == {IGNORE_INDEX}


def scan_pair(info: Mapping[str, Any]) -> PairFacts:
    """Read an image and its label and look for faults.

    Args:
        info (Mapping): An entry of an
            :class:`aeroseg.datasets.OpenVocabDataset`.

    Returns:
        PairFacts: Faults are collected, not raised.
    """
    facts = PairFacts(info['img_path'])
    for step in (_scan_image, _scan_label):
        try:
            step(info, facts)
        except (ValueError, OSError) as error:
            facts.faults.append(str(error))
    return facts


def scan_pairs(
    infos: Sequence[Mapping[str, Any]], workers: int = 1
) -> Iterator[PairFacts]:
    """Scan many pairs, in order.

    Args:
        infos (Sequence[Mapping]): Entries of a dataset.
        workers (int): Processes; 1 runs in this one.

    Yields:
        PairFacts: One per pair.
    """
    if workers == 1 or len(infos) < 2:
        yield from map(scan_pair, infos)
        return
    try:
        with ProcessPoolExecutor(workers) as pool:
            yield from pool.map(scan_pair, infos, chunksize=8)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            'a process of the check was killed, probably because memory ran '
            'out; check with fewer processes (--workers 1)'
        ) from error


def _scan_image(info: Mapping[str, Any], facts: PairFacts) -> None:
    path = Path(info['img_path'])
    image = open_image(path.read_bytes(), f'image {path}')
    facts.size = image.size
    content = f'{image.size} {image.mode}'.encode() + image.tobytes()
    facts.digest = hashlib.sha256(content).hexdigest()
    if image.mode != 'RGB':
        facts.faults.append(
            f'image {path} is not RGB but {image.mode}; convert it to '
            'three 8-bit bands'
        )


def _scan_label(info: Mapping[str, Any], facts: PairFacts) -> None:
    if info.get('seg_map_path') is None:
        return
    path = Path(info['seg_map_path'])
    content = path.read_bytes()
    if info.get('colours') is None:
        facts.packed = is_packed(content)
        raw = read_ids(content, path)
        facts.raw_ids = tuple(int(i) for i in np.unique(raw))
    label = read_label(content, path, table_of(info))
    size = label.shape[::-1]
    if facts.size not in ((0, 0), size):
        raise ValueError(
            f'label {path} is {size[0]}x{size[1]} px, its image is '
            f'{facts.size[0]}x{facts.size[1]} px (width x height); crop or '
            'resample one of them (labels with nearest neighbour only)'
        )
    counts = np.bincount(label.ravel())
    facts.pixels = {i: int(n) for i, n in enumerate(counts) if n}
