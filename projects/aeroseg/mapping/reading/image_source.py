# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Where the pixels of a scene come from."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image
from PIL.Image import Resampling

_LARGEST = 64  # enlargement for the model that may be meant


class Source(Protocol):
    """A scene that is read in full-width rows.

    A source has two grids: its own, `shape`, in which results are wanted,
    and the one the model sees, `grid`. They differ if the scene is resampled
    to another ground resolution.

    Attributes:
        shape (tuple[int, int]): (H, W) of the scene.
        grid (tuple[int, int]): (H', W') that the model sees.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]

    def read(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the grid the model sees.

        Returns:
            tuple[np.ndarray, np.ndarray]: RGB, (3, bottom - top, W') uint8,
            and where there is data, (bottom - top, W') bool.
        """
        ...

    def valid(self, top: int, bottom: int) -> np.ndarray:
        """Where rows of the scene hold data, (bottom - top, W) bool."""
        ...


class ArraySource:
    """An image in memory.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        scale (float): Pixels the model sees per pixel of the image.

    Raises:
        ValueError: If it is not such an array.
    """

    def __init__(self, image: np.ndarray, scale: float = 1.0) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ValueError(
                f'an image is an RGB array (H, W, 3), 0-255; got shape '
                f'{image.shape}. Repeat a grey image three times, and choose '
                'three bands of a multispectral one'
            )
        if image.dtype != np.uint8:
            raise ValueError(
                f'an image array holds 0-255 as uint8; got {image.dtype}. '
                'Scale the values first, or give the path of the file'
            )
        self.image = image
        self.shape = (image.shape[0], image.shape[1])
        self.grid = scaled(self.shape, scale)
        self._seen = image
        if self.grid != self.shape:
            size = self.grid[::-1]
            resized = Image.fromarray(image).resize(size, Resampling.BILINEAR)
            self._seen = np.asarray(resized)

    def read(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Source`."""
        # A copy, because the image itself may be read-only.
        rows = self._seen[top:bottom].transpose(2, 0, 1).copy()
        return rows, np.ones(rows.shape[1:], bool)

    def valid(self, top: int, bottom: int) -> np.ndarray:
        """See :class:`Source`; every pixel holds data."""
        return np.ones((bottom - top, self.shape[1]), bool)


def scaled(
    shape: tuple[int, int], down: float, across: float | None = None
) -> tuple[int, int]:
    """A size (H, W) times a factor per side, at least one pixel.

    Raises:
        ValueError: If a factor is not above 0 and at most 64.
    """
    factors = down, down if across is None else across
    if not all(0 < factor <= _LARGEST for factor in factors):
        raise ValueError(
            f'a scene would be enlarged {max(factors):g} times for the model; '
            f'allowed are factors above 0 and up to {_LARGEST}. Check the '
            'scale, and the ground resolution in metres per pixel'
        )
    height, width = shape
    return max(1, round(height * factors[0])), max(
        1, round(width * factors[1])
    )


def open_source(image: Any, scale: float = 1.0, **options: Any) -> Source:
    """Make a source of whatever a user calls an image.

    Args:
        image (np.ndarray | PIL.Image.Image | str | Path | Source): An RGB
            array (H, W, 3) of uint8, a Pillow image, or a file that GDAL can
            read.
        scale (float): Pixels the model sees per pixel of the image.
        **options: For a file, those of :class:`RasterSource`.

    Raises:
        ValueError: If it is none of these, or cannot be read.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(image, (str, Path)):
        # Only files need the optional rasterio.
        from .raster_source import RasterSource

        return RasterSource(image, scale=scale, **options)
    if isinstance(image, Image.Image):
        return ArraySource(np.asarray(image.convert('RGB')), scale)
    if isinstance(image, np.ndarray):
        return ArraySource(image, scale)
    if hasattr(image, 'read') and hasattr(image, 'grid'):
        return image
    raise ValueError(
        f'an image is a path, an array or a Pillow image; got {type(image)}'
    )
