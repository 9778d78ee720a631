# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Captions of a scene, for CLIP: windows with a sentence each.

A window is a square of the picture; its sentence names the thing in its
middle and sometimes a second thing within the window. Nothing says where in
the window a thing ends: no outline and no label map leaves this module.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .classes import CLASSES

_SENTENCES = (
    'a {}',
    'the {}',
    'a photo of a {}',
    'a photo of a {} in a scene',
    'a photo of a {} in the scene',
    'an aerial image of a {}',
    'an aerial photo of a {}',
    'a satellite image of a {}',
    'a satellite photo showing a {}',
    'a remote sensing image of a {}',
    'a land use image of a {}',
    'a {} seen from above',
    'there is a {} here',
    'an overhead view of a {}',
    'a scene with a {}',
)
_JOINTS = ('next to a {}', 'near a {}', 'and a {}', 'beside a {}')


class Caption(NamedTuple):
    """A window and its sentence.

    Attributes:
        row (int): First row of the window, in cells.
        column (int): First column of the window, in cells.
        text (str): The sentence.
    """

    row: int
    column: int
    text: str


def caption_scene(
    label: NDArray[np.uint8],
    rng: np.random.Generator,
    count: int,
    window: int,
    cell: int = 16,
    second: float = 0.4,
) -> list[Caption]:
    """Choose windows of a scene and describe them.

    The middle of a window is a random place of a random thing that is there,
    as a person would take pictures: of things, not of the grass.

    Args:
        label (ndarray): (S, S) index into the classes.
        rng (Generator): Random generator.
        count (int): Windows.
        window (int): Side of a window, cells.
        cell (int): Side of a cell, px.
        second (float): How often a second thing is named, where there is one.

    Returns:
        list[Caption]: `count` windows, all within the scene.
    """
    present = np.unique(label)
    chosen = rng.choice(present, count, replace=len(present) < count)
    captions = []
    for index in chosen:
        rows, columns = np.nonzero(label == index)
        pick = rng.integers(len(rows))
        corner = [
            int(np.clip(round(at / cell - window / 2), 0, len(label) // cell
                        - window))
            for at in (rows[pick], columns[pick])
        ]  # fmt: skip
        y, x = (at * cell for at in corner)
        around = label[y : y + window * cell, x : x + window * cell]
        text = _sentence(rng, int(index), np.unique(around), second)
        captions.append(Caption(corner[0], corner[1], text))
    return captions


def _sentence(
    rng: np.random.Generator,
    index: int,
    around: NDArray[np.uint8],
    second: float,
) -> str:
    text = _SENTENCES[rng.integers(len(_SENTENCES))].format(CLASSES[index])
    others = around[around != index]
    if len(others) and rng.random() < second:
        joint = _JOINTS[rng.integers(len(_JOINTS))]
        other = CLASSES[int(rng.choice(others))]
        text += ' ' + joint.format(other)
    return text
