# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Label maps as colours over an image."""

from collections.abc import Sequence

import cv2
import numpy as np

RGB = tuple[int, int, int]


def check_image(image: np.ndarray) -> np.ndarray:
    """Make sure that an array can be drawn.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.

    Raises:
        ValueError: If shape or type differ.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            f'a picture is drawn from an RGB array (H, W, 3) of uint8; got '
            f'shape {image.shape} of {image.dtype}'
        )
    return image


def colorize(label: np.ndarray, palette: Sequence[RGB]) -> np.ndarray:
    """Paint label ids.

    Args:
        label (np.ndarray): (H, W) integer ids. Every id from T on, such as
            255 for ignored pixels, becomes black.
        palette (Sequence[RGB]): T colours, 0-255.

    Returns:
        np.ndarray: (H, W, 3) uint8.
    """
    table = np.zeros((len(palette) + 1, 3), np.uint8)
    table[:-1] = np.asarray(palette, np.uint8).reshape(-1, 3)
    return table[np.where(_painted(label, palette), label, len(palette))]


def overlay(
    image: np.ndarray,
    label: np.ndarray,
    palette: Sequence[RGB],
    opacity: float = 0.6,
) -> np.ndarray:
    """Lay the colours of a label map over the image.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        label (np.ndarray): (H, W) integer ids. Where an id has no colour
            (255 for ignored pixels) the image stays as it is.
        palette (Sequence[RGB]): T colours, 0-255.
        opacity (float): 0 shows the image alone, 1 the colours alone.

    Returns:
        np.ndarray: (H, W, 3) uint8.

    Raises:
        ValueError: If sizes differ or the opacity is out of range.
    """
    check_image(image)
    if label.shape != image.shape[:2]:
        raise ValueError(
            f'the label map is {label.shape} (H, W), the image '
            f'{image.shape[:2]}; they must have the same size'
        )
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity is {opacity}; allowed is 0 to 1')
    colours = colorize(label, palette)
    mixed = cv2.addWeighted(image, 1 - opacity, colours, opacity, 0)
    painted = _painted(label, palette)[..., None]
    return np.where(painted, mixed, image)


def _painted(label: np.ndarray, palette: Sequence[RGB]) -> np.ndarray:
    return (label >= 0) & (label < len(palette))
