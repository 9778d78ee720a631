# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A scale bar: how long a distance on the ground is in a picture."""

import math

import numpy as np
from PIL import Image, ImageDraw

from .text import get_font

_EDGE, _THICK = 8, 6  # pixels


def draw_scale_bar(picture: np.ndarray, metres: float) -> np.ndarray:
    """Draw the bar into the lower left corner.

    Args:
        picture (np.ndarray): (H, W, 3) RGB, uint8.
        metres (float): On the ground, per pixel of the picture; above 0.

    Returns:
        np.ndarray: A copy with the bar, which is a tenth to a quarter of
        the picture wide and stands for 1, 2 or 5 times a power of ten. The
        picture itself if it is too small.
    """
    height, width = picture.shape[:2]
    if width < 64 or height < 48:
        return picture
    length = round_length(width * metres / 4)
    right = _EDGE + round(length / metres)
    top = height - _EDGE - _THICK
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    box = (_EDGE, top, right, top + _THICK)
    draw.rectangle(box, 'white', 'black')
    place = (_EDGE, top - 4)
    draw.text(
        place,
        readable_length(length),
        'white',
        get_font(14),
        anchor='ls',
        stroke_width=2,
        stroke_fill='black',
    )
    return np.asarray(canvas)


def round_length(metres: float) -> float:
    """The largest of 1, 2, 5, 10, 20, ... metres that is not longer."""
    power = 10.0 ** math.floor(math.log10(metres))
    step = max(s for s in (1, 2, 5) if s * power <= metres * (1 + 1e-9))
    return step * power


def readable_length(metres: float) -> str:
    """'20 cm', '50 m' or '2 km'."""
    if metres >= 1000:
        return f'{metres / 1000:g} km'
    return f'{metres:g} m' if metres >= 1 else f'{metres * 100:g} cm'
