# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Colours for class names: stable per name, far apart in one vocabulary."""

import hashlib
import re
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
# Colours that people expect, by the word that says what a class is. A name of
# several words takes that of its last known word: 'grass field' is a field.
_EXPECTED = {
    '2C7FB8': 'water river lake sea ocean pond canal stream pool',
    '1B5E20': 'tree trees forest wood woods woodland',
    '7CB342': 'grass grassland lawn meadow rangeland vegetation pasture park',
    'C0CA33': 'field farmland cropland crop crops agriculture agricultural '
    'chaparral shrub shrubland orchard',
    'D84315': 'building buildings house houses roof roofs home',
    '8D8D8D': 'road roads street highway pavement asphalt parking runway',
    '8D5A2B': 'soil bareland bare ground dirt earth mud',
    'E6C88F': 'sand beach desert dune',
    'F5F5F5': 'snow ice glacier',
}  # fmt: skip
_RESERVED = 14  # CIELAB distance that other names keep from those
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

    Common words have the colour people expect: water is blue, grass and trees
    are green, buildings red, roads grey, soil brown. Every other name has a
    colour in a colour-blind-safe list. If a colour is too close to that of
    another name, the next one that is far enough is taken: for common words a
    shade of the expected colour, for others one of that list or, where it is
    used up, any of medium lightness. How far is enough is lowered step by
    step once no colour is left.

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
        colour = expected_colour(name)
        if colour is None:
            free = nearest[order] > _DISTANCES[level]
            while not free.any() and level < len(_DISTANCES) - 1:
                level += 1
                free = nearest[order] > _DISTANCES[level]
            colour = _unused(start, set(chosen))
            if free.any():
                red, green, blue = colours[order[free.argmax()]].tolist()
                colour = red, green, blue
        elif colour in chosen:
            colour = _shade(colour, chosen)
        place = to_lab(np.array([colour], np.uint8))
        distance = np.linalg.norm(places - place, axis=1)
        nearest = np.minimum(nearest, distance)
        chosen.append(colour)
    return tuple(chosen)


def expected_colour(name: str) -> RGB | None:
    """The colour that people expect of a common word, if there is one.

    Args:
        name (str): A class name; of several words, the last known one counts.
    """
    known = {w: c for c, words in _EXPECTED.items() for w in words.split()}
    for word in reversed(re.findall(r'[^\W\d_]+', name.lower())):
        if word in known:
            return hex_to_rgb(known[word])
    return None


def to_lab(colours: np.ndarray) -> np.ndarray:
    """RGB (N, 3) uint8 -> CIELAB (N, 3) float32, lightness 0 to 100."""
    pixels = colours[None].astype(np.float32) / 255
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2Lab)[0]


@cache
def _candidates() -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) uint8, the preferred first, and their CIELAB places.

    Those that common words have, or that look like them, are left out.
    """
    steps = np.linspace(0, 255, _LEVELS).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    lightness = to_lab(grid)[:, 0]
    low, high = _LIGHTNESS
    grid = grid[(lightness > low) & (lightness < high)]
    preferred = np.array([hex_to_rgb(c) for c in _PREFERRED], np.uint8)
    colours = np.concatenate([preferred, grid])
    places = to_lab(colours)
    expected = to_lab(np.array([hex_to_rgb(c) for c in _EXPECTED], np.uint8))
    gaps = np.linalg.norm(places[:, None] - expected[None], axis=2)
    free = gaps.min(axis=1) > _RESERVED
    return colours[free], places[free]


@cache
def _num_preferred() -> int:
    colours = {tuple(colour) for colour in _candidates()[0].tolist()}
    return sum(hex_to_rgb(colour) in colours for colour in _PREFERRED)


def _number(name: str) -> int:
    digest = hashlib.sha256(name.lower().encode()).digest()
    return int.from_bytes(digest[:4], 'big')


def _order(start: int, count: int) -> np.ndarray:
    """Indices of all colours: the preferred first, each from its place on."""
    first = _num_preferred()
    preferred = np.roll(np.arange(first), -(start % first))
    others = np.arange(first, count)
    return np.concatenate([preferred, np.roll(others, -(start % len(others)))])


def _shade(colour: RGB, taken: Sequence[RGB]) -> RGB:
    """The shade of a colour that is farthest from all others in use."""
    steps = np.linspace(0.45, 1.0, 12)[:, None]
    own = np.array(colour)
    shades = np.concatenate([own * steps, 255 - (255 - own) * steps])
    shades = np.unique(shades.round().astype(np.uint8), axis=0)
    others = to_lab(np.array(taken, np.uint8))
    gaps = np.linalg.norm(to_lab(shades)[:, None] - others[None], axis=2)
    red, green, blue = shades[gaps.min(axis=1).argmax()].tolist()
    if (red, green, blue) in taken:
        return _unused(_number(str(colour)), set(taken))
    return red, green, blue


def _unused(start: int, taken: set[RGB]) -> RGB:
    for step in range(2**24):
        value = (start + step) % 2**24
        colour = value >> 16, value >> 8 & 255, value & 255
        if colour not in taken:
            return colour
    raise ValueError('there are more names than colours')
