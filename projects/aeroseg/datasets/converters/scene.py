# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One image of a download with its label."""

from dataclasses import dataclass, field

from .source import SourceFile
from .tiling import Window


@dataclass(frozen=True)
class Tile:
    """A tile that is to be written.

    Attributes:
        split (str): 'train' or 'val'.
        name (str): File name without ending.
        window (Window): Where in the scene it lies.
    """

    split: str
    name: str
    window: Window


@dataclass(frozen=True)
class Scene:
    """What one job of a conversion reads.

    Attributes:
        name (str): Unique in the conversion.
        image (SourceFile): The image.
        label (SourceFile): The label or mask of colours.
        split (str): 'train' or 'val'; '' where tiles decide for themselves.
        tiles (tuple[str, ...]): Names of the tiles wanted, in the form of
            the converter; empty for all.
    """

    name: str
    image: SourceFile
    label: SourceFile
    split: str = ''
    tiles: tuple[str, ...] = field(default=())
