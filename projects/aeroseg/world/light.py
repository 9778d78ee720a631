# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Surface grain, light and sensor: from flat colours to a picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas

_BANK = 768  # side of the noise pictures that scenes cut windows from
# Per kind: strength of fine grain (about 1.5 px) and of clumps (about 5 px).
_GRAIN: dict[str, tuple[float, float]] = {
    'field': (0.07, 0.08),
    'road': (0.035, 0.03),
    'court': (0.025, 0.02),
    'roof': (0.035, 0.02),
    'truck': (0.02, 0.0),
    'tree': (0.12, 0.10),
    'tank': (0.02, 0.03),
    'pool': (0.025, 0.05),
}


def _noise(rng: np.random.Generator, sigma: float) -> NDArray[np.float32]:
    white = rng.standard_normal((_BANK, _BANK)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigma)
    return smooth / smooth.std()


@lru_cache(maxsize=1)
def _bank() -> tuple[NDArray[np.float32], ...]:
    """Noise of grain 0.7, 2.5 and 22 px; the same in every process."""
    rng = np.random.default_rng(20250413)
    return tuple(_noise(rng, sigma) for sigma in (0.7, 2.5, 22.0))


@lru_cache(maxsize=4)
def _strength(names: tuple[str, ...]) -> NDArray[np.float32]:
    rows = [_GRAIN[name.split()[1]] for name in names]
    return np.array(rows, np.float32)


def _window(
    rng: np.random.Generator, kind: int, size: int
) -> NDArray[np.float32]:
    y, x = rng.integers(_BANK - size, size=2)
    return _bank()[kind][y : y + size, x : x + size]


def patches(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Slow variation of the ground, (size, size), unit variance."""
    return _window(rng, 2, size)


def develop(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn the drawn colours into what a camera would record.

    Surface grain by class, soft shadows with bluish light in them, uneven
    illumination, colour cast, haze, blur of the optics and sensor noise.

    Args:
        canvas (Canvas): A finished drawing; not changed.
        rng (Generator): Random generator.

    Returns:
        ndarray: (S, S, 3) uint8 RGB.
    """
    size, world = canvas.size, canvas.world
    fine, clumps = _strength(world.names)[canvas.label].transpose(2, 0, 1)
    tone = fine * _window(rng, 0, size) + clumps * _window(rng, 1, size)
    tone += 1 + 0.03 * patches(rng, size)
    shade = cv2.blur(canvas.shade, (3, 3)).astype(np.float32) / 255
    image = canvas.image.astype(np.float32) * (tone * shade)[..., None]
    skylight = (1 - shade)[..., None] * np.array((4, 7, 14), np.float32)
    cast = rng.normal(1, 0.035, 3).astype(np.float32)
    cast *= np.array(world.cast, np.float32)
    gain = np.float32(rng.uniform(*world.gain))
    haze = np.float32(rng.uniform(*world.haze))
    image = (image + skylight) * (cast * gain * (1 - haze))
    image += haze * np.array((198, 206, 216), np.float32)
    image = cv2.GaussianBlur(image, (3, 3), rng.uniform(0.35, 0.95))
    noise = _window(rng, 0, size)[..., None] * rng.uniform(0.5, 3.0)
    image += noise * rng.normal(1, 0.2, 3)
    return np.clip(image + 0.5, 0, 255).astype(np.uint8)
