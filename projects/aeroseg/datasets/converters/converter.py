# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The base of all converters: scenes are read and cut into tiles."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..labels import IGNORE_INDEX, open_image
from .source import SourceFile
from .tiles import write_tile
from .tiling import Window, cut

Record = dict[str, Any]


@dataclass(frozen=True)
class Tile:
    """A tile to be written.

    Attributes:
        split (str): 'train' or 'val'.
        name (str): File name without ending.
        window (Window): Its position in the scene.
    """

    split: str
    name: str
    window: Window


@dataclass(frozen=True)
class Scene:
    """An image and its label, converted by one job.

    Attributes:
        name (str): Unique in the conversion.
        image (SourceFile): The image.
        label (SourceFile): The label or colour mask.
        split (str): 'train' or 'val'; '' if the tiles name their own.
        tiles (tuple[str, ...]): Names of the tiles wanted, in the form of
            the converter; empty for all.
    """

    name: str
    image: SourceFile
    label: SourceFile
    split: str = ''
    tiles: tuple[str, ...] = field(default=())


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

    def convert_scene(self, scene: Scene, root: Path) -> Record:
        """Write the tiles of one scene.

        Args:
            scene (Scene): What to read.
            root (Path): Folder of the converted dataset.

        Returns:
            dict: The record of the scene in the manifest.

        Raises:
            ValueError: If a file is damaged, not RGB, has an unknown id or
                colour, or image and label differ in size.
            OSError: If a tile cannot be written.
        """
        content = scene.image.read()
        image = _read_rgb(content, scene.image)
        label_content = scene.label.read()
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


def _read_rgb(content: bytes, file: SourceFile) -> np.ndarray:
    image = open_image(content, file)
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
    return {'file': file.label, 'bytes': len(content), 'sha256': digest}


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
