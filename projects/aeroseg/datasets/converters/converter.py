# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The base of all converters: scenes are read and cut into tiles."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from ..image_file import open_image
from ..labels import IGNORE_INDEX
from .scene import Scene, Tile
from .source import SourceFile
from .tiles import write_tile
from .tiling import cut

Record = dict[str, Any]

# A larger share of pure white or black is named in the report.
BLANK_SHARE = 0.05


class Converter(ABC):
    """Turns the scenes of one dataset into tiles.

    A subclass says which scenes there are, how a label is read and which
    tiles are cut. It is sent to other processes, so it holds no open files.
    """

    dataset: ClassVar[str]
    classes: ClassVar[tuple[str, ...]]

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result, for the manifest."""

    @abstractmethod
    def scenes(self) -> list[Scene]:
        """All scenes of the source.

        Raises:
            FileNotFoundError: If a label, an image or a list is missing.
            ValueError: If the source has no known layout.
        """

    @abstractmethod
    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        """Class ids of a label file: (H, W) uint8, 255 ignored."""

    @abstractmethod
    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        """The tiles to write of a scene whose ids are `label` (H, W)."""

    def notes(self, scene: Scene, label: np.ndarray) -> dict[str, Any]:
        """Further facts about a scene that :meth:`report` needs."""
        del scene, label
        return {}

    def report(self, records: Sequence[Record]) -> list[str]:
        """Compare the result with published numbers, in sentences."""
        del records
        return []

    def files(self) -> dict[str, bytes]:
        """Further files of the dataset, by name."""
        return {}

    def convert_scene(
        self, scene: Scene, root: Path, allow_damaged: bool = False
    ) -> Record:
        """Write the tiles of one scene.

        Args:
            scene (Scene): What to read.
            root (Path): Folder of the converted dataset.
            allow_damaged (bool): Take what can be decoded of a damaged image
                (never of a label). Default: False.

        Returns:
            dict: The record of the scene in the manifest.

        Raises:
            ValueError: If a file is damaged, not RGB, has an unknown id or
                colour, or image and label differ in size.
            OSError: If a tile cannot be written.
        """
        content = scene.image.read()
        image, damage = _read_rgb(content, scene.image, allow_damaged)
        label_content = scene.label.read()
        if content == label_content:
            raise ValueError(
                f'{scene.image} and its label {scene.label} are the same '
                'file; one of the two folders holds the wrong files'
            )
        label = self.read_label(label_content, scene.label)
        if label.shape != image.shape[:2]:
            raise ValueError(
                f'{scene.image} is {image.shape[1]}x{image.shape[0]} px but '
                f'its label {scene.label} is {label.shape[1]}x'
                f'{label.shape[0]} px (width x height); they do not belong '
                'together, or one of them was resampled'
            )
        return {
            'scene': scene.name,
            'size': [image.shape[1], image.shape[0]],
            'image': _origin(scene.image, content),
            'label': _origin(scene.label, label_content),
            'asked': scene.asked,
            'blank': blank_share(image, label),
            'damage': damage,
            'notes': self.notes(scene, label),
            'tiles': [
                write_tile(
                    root,
                    tile.split,
                    tile.name,
                    tile.window,
                    cut(image, tile.window, 0),
                    cut(label, tile.window, IGNORE_INDEX),
                )
                for tile in self.tiles(scene, label)
            ],
        }


def compare(
    records: Sequence[Record], published: Mapping[str, int]
) -> list[str]:
    """Compare the number of tiles per split with the published one."""
    found = dict.fromkeys(published, 0)
    for record in records:
        for tile in record['tiles']:
            found[tile['split']] = found.get(tile['split'], 0) + 1
    sentences = []
    for split, number in found.items():
        wanted = published.get(split, 0)
        verdict = 'as published'
        if number != wanted:
            verdict = f'{abs(number - wanted):,} ' + (
                'more' if number > wanted else 'fewer'
            )
            verdict += f' than the published {wanted:,}'
        sentences.append(f'{split}: {number:,} tiles, {verdict}')
    return sentences


def blank_share(image: np.ndarray, label: np.ndarray) -> float:
    """How many of the pixels that have a class are pure white or black.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        label (np.ndarray): (H, W) uint8 class ids, 255 ignored.

    Returns:
        float: 0 to 1, with four digits.
    """
    lowest, highest = image.min(axis=-1), image.max(axis=-1)
    blank = (highest == 0) | (lowest == 255)
    counts = label != IGNORE_INDEX
    return round(float(blank[counts].mean()), 4) if counts.any() else 0.0


def remarks(records: Sequence[Record]) -> list[str]:
    """Name images with blank areas, and damaged ones that were taken."""
    sentences = []
    blank = [r for r in records if r.get('blank', 0) > BLANK_SHARE]
    if blank:
        most = max(blank, key=lambda record: record['blank'])
        sentences.append(
            f'warning: in {len(blank):,} images more than {BLANK_SHARE:.0%} '
            'of the pixels with a class are pure white or black, the most in '
            f'{most["image"]["file"]} ({most["blank"]:.0%}). Where there are '
            'no data, label them as ignored'
        )
    damaged = [r for r in records if r.get('damage')]
    if damaged:
        first = damaged[0]
        sentences.append(
            f'warning: {len(damaged):,} damaged images were taken as they '
            f'are, the first: {first["damage"]}'
        )
    return sentences


def _read_rgb(
    content: bytes, file: SourceFile, allow_damaged: bool
) -> tuple[np.ndarray, str | None]:
    """The pixels (H, W, 3), and the damage that was allowed."""
    try:
        return _as_rgb(open_image(content, file), file), None
    except ValueError as error:
        try:
            image = open_image(content, file, allow_damaged=True)
        except ValueError:
            raise error from None
        pixels = _as_rgb(image, file)
        if allow_damaged:
            return pixels, str(error).replace(str(file), file.label)
        raise ValueError(
            f'{error}, or take it as it is with --allow-damaged'
        ) from error


def _as_rgb(image: Image.Image, file: SourceFile) -> np.ndarray:
    if image.mode in ('L', 'P'):
        # A grey or palette picture holds the same colours as its RGB form.
        image = image.convert('RGB')
    if image.mode != 'RGB':
        raise ValueError(
            f'{file} has mode {image.mode}, expected three 8-bit bands '
            '(RGB); it is not a file of the official download'
        )
    return np.asarray(image)


def _origin(file: SourceFile, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {
        'file': file.label,
        'bytes': len(content),
        'time': file.time,
        'sha256': digest,
    }


def shared_images(records: Sequence[Record]) -> str:
    """Say how many val tiles show a picture that is in train as well.

    Equal pictures give equal PNG files, so the checksums show it.
    """
    digests: dict[str, list[str]] = {'train': [], 'val': []}
    for record in records:
        for tile in record['tiles']:
            digest = tile['img_dir']['sha256']
            digests.setdefault(tile['split'], []).append(digest)
    train, val = set(digests['train']), digests['val']
    shared = sum(digest in train for digest in val)
    share = 100 * shared / max(len(val), 1)
    return (
        f'{shared:,} of {len(val):,} val tiles ({share:.1f} %) show a picture '
        'that is in train as well, by content'
    )
