# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One image of a download with its label."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from .source import SourceFile
from .tiling import Window


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
        split (str): 'train', 'val' or 'test'; '' if the tiles name their own.
        tiles (tuple[str, ...]): Names of the tiles wanted, in the form of
            the converter; empty for all.
        stem (str): What the names of its tiles begin with, unless they are
            given in `tiles`; unique in a split.
    """

    name: str
    image: SourceFile
    label: SourceFile
    split: str = ''
    tiles: tuple[str, ...] = field(default=())
    stem: str = ''

    @property
    def asked(self) -> dict[str, Any]:
        """What a record must have been asked for to count as done."""
        return {'split': self.split, 'tiles': list(self.tiles)}

    @property
    def places(self) -> list[str]:
        """Names that no other scene may have, as any disk compares them."""
        names = self.tiles or (self.stem or self.name,)
        return [
            unicodedata.normalize('NFC', f'{self.split}/{name}').casefold()
            for name in names
        ]
