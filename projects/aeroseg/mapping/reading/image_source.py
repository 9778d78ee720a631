# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Where the pixels of a scene come from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from .grid import scaled, shrunk
from .remote_scene import VirtualScene


@runtime_checkable
class Source(Protocol):
    """A scene that is read in parts.

    Results are wanted at the size of the scene, `shape`. The model sees it
    on its `grid`, which differs if the scene is resampled for the model.

    Attributes:
        shape (tuple[int, int]): (H, W) of the scene.
        grid (tuple[int, int]): (H', W') that the model sees.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]

    def read(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A part of the grid.

        Args:
            top (int): First row.
            bottom (int): Row after the last one.
            left (int): First column.
            right (int | None): Column after the last one; None for all.

        Returns:
            tuple[np.ndarray, np.ndarray]: RGB, (3, h, w) uint8, and
            where there is data, (h, w) bool.
        """
        ...

    def valid(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> np.ndarray:
        """Where a part of the scene holds data.

        Args:
            top (int): First row.
            bottom (int): Row after the last one.
            left (int): First column.
            right (int | None): Column after the last one; None for all.

        Returns:
            np.ndarray: (h, w) bool.
        """
        ...

    def thumbnail(self, max_side: int) -> np.ndarray:
        """The whole scene, (h, w, 3) RGB uint8, no side over `max_side`."""
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
        self._seen = self._resized(self.grid)

    def read(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Source`."""
        # A copy, because the image itself may be read-only.
        part = self._seen[top:bottom, left:right].transpose(2, 0, 1).copy()
        return part, np.ones(part.shape[1:], bool)

    def valid(
        self, top: int, bottom: int, left: int = 0, right: int | None = None
    ) -> np.ndarray:
        """See :class:`Source`; every pixel holds data."""
        right = self.shape[1] if right is None else right
        return np.ones((bottom - top, right - left), bool)

    def thumbnail(self, max_side: int) -> np.ndarray:
        """See :class:`Source`; the image itself if it is small enough."""
        return self._resized(shrunk(self.shape, max_side))

    def _resized(self, size: tuple[int, int]) -> np.ndarray:
        if size == self.shape:
            return self.image
        picture = Image.fromarray(self.image)
        return np.asarray(picture.resize(size[::-1], Resampling.BILINEAR))


@contextmanager
def open_source(
    image: Any, scale: float = 1.0, **options: Any
) -> Iterator[Source]:
    """Make a source of whatever a user calls an image.

    Args:
        image (np.ndarray | PIL.Image.Image | str | Path | Source): An RGB
            array (H, W, 3) of uint8, a Pillow image, or a file that GDAL can
            read.
        scale (float): Pixels the model sees per pixel of the image.
        **options: For a file, those of :class:`RasterSource`.

    Yields:
        Source: The pixels. A file is open as long as the block; a source
        that was given is not closed.

    Raises:
        ValueError: If it is none of these, or cannot be read.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(image, (str, Path, VirtualScene)):
        # Only files need the optional rasterio.
        from .raster_source import RasterSource

        with RasterSource(image, scale=scale, **options) as source:
            yield source
    elif isinstance(image, Image.Image):
        yield ArraySource(np.asarray(image.convert('RGB')), scale)
    elif isinstance(image, np.ndarray):
        yield ArraySource(image, scale)
    elif isinstance(image, Source):
        yield image
    else:
        raise ValueError(
            'an image is a path, an array or a Pillow image; got '
            f'{type(image)}'
        )
