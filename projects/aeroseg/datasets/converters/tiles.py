# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Write a tile: an RGB image and a grey label that reads back the same."""

import hashlib
import io
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aeroseg.files import atomic_path

from ..image_file import find_damage
from ..labels import read_ids
from .tiling import Window

FOLDERS = ('img_dir', 'ann_dir')
_PNG = b'\x89PNG'


def write_tile(
    root: Path,
    split: str,
    name: str,
    window: Window,
    image: np.ndarray,
    label: np.ndarray,
) -> dict[str, Any]:
    """Write ``img_dir/SPLIT/NAME.png`` and ``ann_dir/SPLIT/NAME.png``.

    Args:
        root (Path): Folder of the converted dataset.
        split (str): 'train' or 'val'.
        name (str): Name of the tile without ending.
        window (Window): Position of the tile in its scene.
        image (np.ndarray): (H, W, 3) uint8 RGB.
        label (np.ndarray): (H, W) uint8 class ids, 255 ignored.

    Returns:
        dict: The record of the tile in the manifest.

    Raises:
        OSError: If a file cannot be written or the label that was written
            does not read back the same.
        ValueError: If another file has the name of a tile.
    """
    record: dict[str, Any] = {
        'name': name,
        'split': split,
        'window': list(window),
    }
    counts = np.bincount(label.ravel())
    record['pixels'] = {str(i): int(n) for i, n in enumerate(counts) if n}
    contents = {'img_dir': _image_png(image), 'ann_dir': _label_png(label)}
    for folder, content in contents.items():
        path = root / folder / split / f'{name}.png'
        _check_free(path, content)
        with atomic_path(path) as part:
            part.write_bytes(content)
            if folder == 'ann_dir':
                _check(part, label)
        digest = hashlib.sha256(content).hexdigest()
        record[folder] = {'bytes': len(content), 'sha256': digest}
    return record


def is_written(root: Path, tile: Mapping[str, Any]) -> bool:
    """Whether both files of a recorded tile are there, by their hash.

    A file that is no image any more, as after a power failure, counts as not
    written.

    Args:
        root (Path): Folder of the converted dataset.
        tile (Mapping): The record of the tile.

    Raises:
        ValueError: If a file is an image, but another one than was written.
    """
    for folder, path in tile_files(root, tile).items():
        if not path.is_file():
            return False
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == tile[folder]['sha256']:
            continue
        if find_damage(content) or not content.startswith(_PNG):
            return False
        raise ValueError(
            f'{path} is not as this conversion wrote it, someone may have '
            'edited it. Move it out of the folder to have it made again, or '
            'choose another output folder'
        )
    return True


def tile_files(root: Path, tile: Mapping[str, Any]) -> dict[str, Path]:
    """The two files of a recorded tile, by 'img_dir' and 'ann_dir'."""
    return {
        folder: root / folder / tile['split'] / f'{tile["name"]}.png'
        for folder in FOLDERS
    }


def _check_free(path: Path, content: bytes) -> None:
    """The same tile may be there from a run that was killed, no other."""
    if path.is_file() and path.read_bytes() != content:
        raise ValueError(
            f'{path} is there already and is not what this conversion would '
            'write (another file, or a run that was killed before its source '
            'was changed). Move it away, or choose another output folder'
        )


def _image_png(image: np.ndarray) -> bytes:
    # Run-length matching alone makes files within 6 % of the usual setting
    # for aerial photographs in a fraction of the time: docs/notes/datasets.md.
    buffer = io.BytesIO()
    Image.fromarray(image).save(
        buffer, 'PNG', compress_level=3, compress_type=zlib.Z_RLE
    )
    return buffer.getvalue()


def _label_png(label: np.ndarray) -> bytes:
    # Mode 'L'. Mode 'P' without a palette, as in a widely copied iSAID
    # converter, lets Pillow drop or merge ids when it writes the file.
    buffer = io.BytesIO()
    Image.fromarray(label).save(buffer, 'PNG')
    return buffer.getvalue()


def _check(path: Path, label: np.ndarray) -> None:
    try:
        same = np.array_equal(read_ids(path.read_bytes(), path), label)
    except ValueError:
        same = False
    if not same:
        raise OSError(
            f'the label {path} does not read back as it was written; check '
            'the disk'
        )
