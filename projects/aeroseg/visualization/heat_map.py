# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Numbers per pixel as colours over an image, with their scale."""

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw

from .overlay import check_image
from .panel import fit_size
from .text import get_font

_COLOURS = 'inferno'  # lightness rises with the value, also in grey prints
_BAR = 12
_TEXT = 20


def heat_map(
    image: np.ndarray,
    values: np.ndarray,
    opacity: float = 0.8,
) -> np.ndarray:
    """Paint numbers over a grey image; bright is high.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        values (np.ndarray): (h, w) numbers on a grid over the whole image,
            enlarged bilinearly; the smallest is darkest, the
            largest brightest.
        opacity (float): Of the colours, 0 to 1.

    Returns:
        np.ndarray: (H, W, 3) uint8.

    Raises:
        ValueError: If a value is not finite, or the image is not one.
    """
    grey = check_image(image).mean(axis=2, keepdims=True).repeat(3, axis=2)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(
            f'a heat map is drawn from finite numbers (h, w); got shape '
            f'{values.shape}, {(~np.isfinite(values)).sum()} not finite'
        )
    low, high = float(values.min()), float(values.max())
    span = high - low if high > low else 1.0
    scaled = ((values - low) / span).astype(np.float32)
    size = (image.shape[1], image.shape[0])
    large = cv2.resize(scaled, size, interpolation=cv2.INTER_LINEAR)
    return (opacity * _paint(large) + (1 - opacity) * grey).astype(np.uint8)


def with_scale(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A heat map with a bar of its colours below, and their two numbers.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        values (np.ndarray): (h, w) numbers; see :func:`heat_map`.

    Returns:
        np.ndarray: (H' + 36, W', 3) uint8, in the size of :func:`fit_size`.
    """
    picture = heat_map(fit_size(image), values)
    height, width = picture.shape[:2]
    canvas = Image.new('RGB', (width, height + _BAR + _TEXT + 4), 'white')
    canvas.paste(Image.fromarray(picture))
    ramp = np.linspace(0, 1, width)[None].repeat(_BAR, axis=0)
    bar = Image.fromarray(_paint(ramp).astype(np.uint8))
    canvas.paste(bar, (0, height + 4))
    draw, font = ImageDraw.Draw(canvas), get_font(13)
    top = height + _BAR + 6
    draw.text((2, top), f'{values.min():.3g}', 'black', font)
    high = f'{values.max():.3g}'
    draw.text((width - 2, top), high, 'black', font, anchor='ra')
    return np.asarray(canvas)


def _paint(values: np.ndarray) -> np.ndarray:
    """Numbers 0-1 (H, W) to colours 0-255, (H, W, 3) float."""
    return 255 * matplotlib.colormaps[_COLOURS](values)[..., :3]
