# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Colours for class names: stable per name, far apart in one vocabulary."""

import hashlib
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

RGB = tuple[int, int, int]

# Colours that colour-blind readers can tell apart: the 'bright', 'muted' and
# 'high-contrast' schemes of Paul Tol, https://personal.sros.nl/~tol/.
_PREFERRED = (
    '4477AA', 'EE6677', '228833', 'CCBB44', '66CCEE', 'AA3377', 'BBBBBB',
    '332288', '88CCEE', '44AA99', '117733', '999933', 'DDCC77', 'CC6677',
    '882255', 'AA4499', '004488', 'DDAA33', 'BB5566', '222222',
)  # fmt: skip
_LEVELS = 18  # per channel, of the colours beyond the preferred ones
_LIGHTNESS = 30, 88  # neither black nor white: names are read on both
# Required CIELAB distances, the largest first; 2 is just noticeable.
_DISTANCES = (40, 34, 28, 24, 20, 17, 14, 12, 10, 8, 6, 4, 0)


def hex_to_rgb(text: str) -> RGB:
    """'#3C1098' or '3C1098' -> (60, 16, 152)."""
    value = int(text.lstrip('#'), 16)
    return (value >> 16, value >> 8 & 255, value & 255)


def default_palette(names: Sequence[str]) -> tuple[RGB, ...]:
    """A colour per name that depends on the name, not on its place.

    Each name has a colour of its own in a colour-blind-safe list. If that is
    too close to the colour of an earlier name, the next one that is far
    enough is taken, from that list or, where it is used up, from all colours
    of medium lightness. How far is enough is lowered step by step once no
    colour is left.

    Args:
        names (Sequence[str]): Class names.

    Returns:
        tuple[RGB, ...]: One distinct RGB colour (0-255) per name. Names added
        at the end do not change the colours before.
    """
    colours, places = _candidates()
    nearest = np.full(len(colours), np.inf)
    chosen: list[RGB] = []
    level = 0
    for name in names:
        start = _number(name)
        order = _order(start, len(colours))
        free = nearest[order] > _DISTANCES[level]
        while not free.any() and level < len(_DISTANCES) - 1:
            level += 1
            free = nearest[order] > _DISTANCES[level]
        if not free.any():
            chosen.append(_unused(start, set(chosen)))
            continue
        index = order[free.argmax()]
        distance = np.linalg.norm(places - places[index], axis=1)
        nearest = np.minimum(nearest, distance)
        red, green, blue = colours[index].tolist()
        chosen.append((red, green, blue))
    return tuple(chosen)


def to_lab(colours: np.ndarray) -> np.ndarray:
    """RGB (N, 3) uint8 -> CIELAB (N, 3) float32, lightness 0 to 100."""
    pixels = colours[None].astype(np.float32) / 255
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)[0]


@cache
def _candidates() -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) uint8, the preferred first, and their CIELAB places."""
    steps = np.linspace(0, 255, _LEVELS).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    lightness = to_lab(grid)[:, 0]
    low, high = _LIGHTNESS
    grid = grid[(lightness > low) & (lightness < high)]
    preferred = np.array([hex_to_rgb(c) for c in _PREFERRED], np.uint8)
    colours = np.concatenate([preferred, grid])
    return colours, to_lab(colours)


def _number(name: str) -> int:
    digest = hashlib.sha256(name.lower().encode()).digest()
    return int.from_bytes(digest[:4], 'big')


def _order(start: int, count: int) -> np.ndarray:
    """Indices of all colours: the preferred first, each from its place on."""
    first = len(_PREFERRED)
    preferred = np.roll(np.arange(first), -(start % first))
    others = np.arange(first, count)
    return np.concatenate([preferred, np.roll(others, -(start % len(others)))])


def _unused(start: int, taken: set[RGB]) -> RGB:
    for step in range(2**24):
        value = (start + step) % 2**24
        colour = value >> 16, value >> 8 & 255, value & 255
        if colour not in taken:
            return colour
    raise ValueError('there are more names than colours')
