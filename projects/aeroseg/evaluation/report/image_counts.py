# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Pixel counts per image and class, and their file."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aeroseg.files import atomic_path

COUNTS_FILE = 'image_counts.npz'
_FORMAT = 'aeroseg-image-counts/1'
_UNKNOWN = -1  # mark of classes that are neither seen nor unseen
COLUMNS = 6


@dataclass(frozen=True)
class ImageCounts:
    """What an evaluation counted in each image.

    Only classes that occur in an image, in truth or prediction, have a row:
    an image takes some 100 bytes, whatever its size.

    Attributes:
        images (tuple[str, ...]): Paths of the N images.
        classes (tuple[str, ...]): Names of the T classes.
        seen (tuple[bool, ...] | None): Seen mark per class.
        boundary_width (int): Width of a boundary in pixels.
        image (np.ndarray): (R,) place of the image of a row.
        label (np.ndarray): (R,) id of the class of a row.
        counts (np.ndarray): (R, 6) int64: pixels of intersection, prediction
            and truth, then the same within boundaries.
    """

    images: tuple[str, ...]
    classes: tuple[str, ...]
    seen: tuple[bool, ...] | None
    boundary_width: int
    image: np.ndarray
    label: np.ndarray
    counts: np.ndarray

    @classmethod
    def join(
        cls,
        rows: Sequence[tuple[str, np.ndarray]],
        classes: Sequence[str],
        seen: Sequence[bool] | None,
        boundary_width: int,
    ) -> 'ImageCounts':
        """Collect what :func:`sparse_rows` gave for each image.

        Args:
            rows (Sequence): Path and rows (r, 7) of each image.
            classes (Sequence[str]): Names of the T classes.
            seen (Sequence[bool] | None): Seen mark per class.
            boundary_width (int): Width of a boundary in pixels.
        """
        tables = [table for _, table in rows]
        table = np.concatenate([np.zeros((0, 1 + COLUMNS), np.int64), *tables])
        return cls(
            tuple(path for path, _ in rows),
            tuple(classes),
            None if seen is None else tuple(seen),
            boundary_width,
            np.repeat(np.arange(len(rows)), [len(t) for t in tables]),
            table[:, 0],
            table[:, 1:],
        )

    def dense(
        self, boundary: bool = False, first: int | None = None
    ) -> np.ndarray:
        """Counts of every image and class.

        Args:
            boundary (bool): Those within boundaries.
            first (int, optional): Only so many images, from the first.

        Returns:
            np.ndarray: (N, T, 3) int64: intersection, prediction, truth.
        """
        size = len(self.images), len(self.classes), 3
        full = np.zeros(size, np.int64)
        part = self.counts[:, 3:] if boundary else self.counts[:, :3]
        full[self.image, self.label] = part
        return full[:first]

    def write(self, path: Path) -> None:
        """Write the file, complete or not at all; no Python objects in it."""
        marks = self.seen or (_UNKNOWN,) * len(self.classes)
        with atomic_path(path) as part:
            np.savez_compressed(
                part,
                format=np.array(_FORMAT),
                images=np.array(self.images, np.str_),
                classes=np.array(self.classes, np.str_),
                seen=np.array(marks, np.int8),
                boundary_width=np.array(self.boundary_width),
                image=self.image.astype(np.int32),
                label=self.label.astype(np.int32),
                counts=self.counts.astype(np.int64),
            )

    @classmethod
    def read(cls, path: Path) -> 'ImageCounts':
        """Read what :meth:`write` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged or another file.
        """
        if not path.is_file():
            raise FileNotFoundError(
                f'there is no {path}; tools/test.py --report full writes it'
            )
        try:
            with np.load(path, allow_pickle=False) as data:
                if str(data['format']) != _FORMAT:
                    raise ValueError(f'its format is {data["format"]}')
                seen = data['seen'].tolist()
                found = cls(
                    tuple(data['images'].tolist()),
                    tuple(data['classes'].tolist()),
                    None if _UNKNOWN in seen else tuple(map(bool, seen)),
                    int(data['boundary_width']),
                    data['image'],
                    data['label'],
                    data['counts'],
                )
            found._check()
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f'{path} is damaged or no file of counts ({error}); write it '
                'again with tools/test.py --report full'
            ) from error
        return found

    def _check(self) -> None:
        rows = len(self.image)
        if self.counts.shape != (rows, COLUMNS) or len(self.label) != rows:
            raise ValueError('its columns differ in length')
        for place, size in (
            (self.image, len(self.images)),
            (self.label, len(self.classes)),
        ):
            if rows and not 0 <= place.min() <= place.max() < size:
                raise ValueError('a row is of no image or class')


def sparse_rows(counts: np.ndarray) -> np.ndarray:
    """Rows of the classes that occur in an image.

    Args:
        counts (np.ndarray): (T, 6), as in :class:`ImageCounts`.

    Returns:
        np.ndarray: (r, 7) int64: id of the class, then its counts.
    """
    present = np.flatnonzero(counts.any(axis=1))
    return np.column_stack([present, counts[present]]).astype(np.int64)
