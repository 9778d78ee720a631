# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One image of a download with its label."""

from dataclasses import dataclass, field

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
        split (str): 'train' or 'val'; '' if the tiles name their own.
        tiles (tuple[str, ...]): Names of the tiles wanted, in the form of
            the converter; empty for all.
    """

    name: str
    image: SourceFile
    label: SourceFile
    split: str = ''
    tiles: tuple[str, ...] = field(default=())
