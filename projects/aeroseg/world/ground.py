# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Fields and roads: what everything else stands on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .canvas import Canvas, Points
from .classes import COLOURS, RGB
from .light import patches


def pick_colour(
    rng: np.random.Generator,
    name: str,
    spread: float = 7.0,
    colours: Mapping[str, tuple[RGB, ...]] = COLOURS,
) -> tuple[float, float, float]:
    """One colour of a class, jittered.

    Args:
        rng (Generator): Random generator.
        name (str): One of the classes.
        spread (float): Standard deviation of the jitter, 0-255 scale.
        colours (Mapping): Colours of each class. Default: the first world's.

    Returns:
        tuple[float, float, float]: RGB 0-255.
    """
    options = colours[name]
    base = np.array(options[rng.integers(len(options))], float)
    base += rng.normal(0, spread) + rng.normal(0, spread / 3, 3)
    red, green, blue = np.clip(base, 0, 250)
    return float(red), float(green), float(blue)


def brighten(
    colour: tuple[float, float, float], factor: float
) -> tuple[float, float, float]:
    """A colour in more (> 1) or less (< 1) light, RGB 0-255."""
    red, green, blue = (min(255.0, value * factor) for value in colour)
    return red, green, blue


def lay_fields(canvas: Canvas, rng: np.random.Generator, angle: float) -> None:
    """Cover the ground with one to four parcels of grass or ploughed dirt.

    Args:
        canvas (Canvas): Drawn on in place.
        rng (Generator): Random generator.
        angle (float): Direction of the parcel borders, radians.
    """
    size = canvas.size
    grid = np.arange(size, dtype=np.float32) - size / 2
    u = grid * np.cos(angle) + grid[:, None] * np.sin(angle)
    v = grid[:, None] * np.cos(angle) - grid * np.sin(angle)
    cut_u, cut_v = rng.uniform(-0.45, 0.45, 2) * size
    parcel = (u > cut_u).astype(np.uint8)
    if rng.random() < 0.5:
        parcel += 2 * (v > cut_v).astype(np.uint8)
    image = np.zeros((size, size, 3), np.float32)
    for index in range(int(parcel.max()) + 1):
        plain, ploughed = canvas.world.fields
        name = ploughed if rng.random() < 0.42 else plain
        inside = parcel == index
        canvas.label[inside] = canvas.world.names.index(name)
        across = (u if rng.random() < 0.5 else v)[inside]
        tone = _furrows(rng, across, name == ploughed)
        tone += patches(rng, size)[inside] * 0.10
        colour = np.array(
            pick_colour(rng, name, colours=canvas.world.colours), np.float32
        )
        image[inside] = colour * (1 + tone[:, None])
    canvas.image[:] = np.clip(image, 0, 255).astype(np.uint8)


def _furrows(
    rng: np.random.Generator, across: np.ndarray, ploughed: bool
) -> np.ndarray:
    if ploughed:
        period, depth = rng.uniform(5, 9), rng.uniform(0.07, 0.14)
    else:
        period, depth = rng.uniform(18, 40), rng.uniform(0.0, 0.05)
    wave: np.ndarray = np.sin(across * np.float32(2 * np.pi / period))
    return wave * np.float32(depth)


def lay_road(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    angle: float,
    width: float,
) -> Points:
    """Draw a gently curved road across the whole scene.

    Args:
        canvas (Canvas): Drawn on in place.
        rng (Generator): Random generator.
        name (str): A road of the canvas's world.
        angle (float): Direction, radians.
        width (float): px.

    Returns:
        ndarray: (N, 2) points along the middle, about 8 px apart.
    """
    size = canvas.size
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    steps = np.arange(-size, size + 1, 8.0)
    bend = rng.normal(0, 0.10) * (steps / size) ** 2 * size
    bend += rng.uniform(-0.33, 0.33) * size
    path = size / 2 + steps[:, None] * along + bend[:, None] * across
    colour = pick_colour(rng, name, colours=canvas.world.colours)
    canvas.line(path, colour, round(width), name)
    if name == 'paved road':
        _mark(canvas, rng, path, across, width)
    else:
        for side in (-0.2, 0.2):
            track = path + across * side * width
            canvas.line(track, brighten(colour, 0.86), 2)
        canvas.line(path, brighten(colour, 0.95), 2)
    inside = ((path > 0) & (path < size)).all(1)
    return path[inside]


def _mark(
    canvas: Canvas,
    rng: np.random.Generator,
    path: Points,
    across: Points,
    width: float,
) -> None:
    paint = (226.0, 222.0, 206.0)
    if width > 17:
        for side in (-0.42, 0.42):
            canvas.line(path + across * side * width, paint)
    middle = (216.0, 186.0, 90.0) if rng.random() < 0.4 else paint
    for start in range(0, len(path) - 1, 2):
        canvas.line(path[start : start + 2], middle)
