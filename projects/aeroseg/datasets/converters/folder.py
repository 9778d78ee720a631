# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Your own data: images and masks in folders next to each other."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aeroseg.palette import RGB
from aeroseg.vocabulary import Vocabulary
from aeroseg.window_starts import EndRule

from ..labels import (
    IGNORE_INDEX,
    ColourTable,
    IdTable,
    colour_ids,
    read_label,
)
from .converter import Converter, Record, shared_images
from .scene import Scene, Tile
from .source import SourceFile, list_files, put_once
from .tiling import tile_windows

_SUFFIXES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff')


class FolderConverter(Converter):
    """Cuts images with masks of ids or colours into tiles.

    An image ``A/images/B.jpg`` belongs to the mask ``A/masks/B.png``: the
    paths differ only in the name of one folder and the ending.

    Args:
        source (Sequence[str | Path]): Folders or archives.
        names (str | Path): Text file with a class per line; see
            :class:`aeroseg.datasets.FolderDataset`.
        masks (str): 'ids' or 'colours'. Default: 'ids'.
        ignore_colours (Sequence[str]): Colours of ignored pixels.
        image_dir (str): Name of the folders of images. Default: 'images'.
        mask_dir (str): Name of the folders of masks. Default: 'masks'.
        val (Sequence[str]): Scenes for validation, by the beginning of their
            path ('Tile 7'). Default: drawn at random.
        val_share (float): Share of scenes to draw if `val` is empty, in
            (0, 1). Default: 0.2.
        seed (int): Of the draw. Default: 0.
        size (int): Side of a tile, px. Default: 256.
        rule (EndRule): What happens to the remainder at the edges. Default:
            'pad', so that every pixel counts once.
    """

    dataset = 'folder'

    def __init__(
        self,
        source: Sequence[str | Path],
        names: str | Path,
        masks: Literal['ids', 'colours'] = 'ids',
        ignore_colours: Sequence[str] = (),
        image_dir: str = 'images',
        mask_dir: str = 'masks',
        val: Sequence[str] = (),
        val_share: float = 0.2,
        seed: int = 0,
        size: int = 256,
        rule: EndRule = 'pad',
    ) -> None:
        tile_windows(size, size, size, size, rule)
        _check(masks, ignore_colours, image_dir, mask_dir, val_share)
        self.source = list(source)
        self.names = Path(names)
        self.vocabulary = Vocabulary.from_file(names)
        if len(self.vocabulary) > IGNORE_INDEX:
            raise ValueError(
                f'{names} has {len(self.vocabulary)} classes; an 8-bit label '
                f'can hold {IGNORE_INDEX}'
            )
        self._table: ColourTable | IdTable = IdTable(
            {i: i for i in range(len(self.vocabulary))}
        )
        colours: dict[RGB, int] = {}
        if masks == 'colours':
            colours = colour_ids(names, ignore_colours)
            self._table = ColourTable(colours)
        self.image_dir, self.mask_dir = image_dir, mask_dir
        self.val, self.val_share, self.seed = tuple(val), val_share, seed
        self.size = size
        self.rule = rule
        self._settings = {
            'names': list(self.vocabulary.names),
            'masks': masks,
            'colours': [[*rgb, i] for rgb, i in colours.items()],
            'image_dir': image_dir,
            'mask_dir': mask_dir,
            'val': list(val) or {'share': val_share, 'seed': seed},
            'size': size,
            'rule': rule,
        }

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the ids."""
        return self.vocabulary.names

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result."""
        return self._settings

    def scenes(self) -> list[Scene]:
        """The pairs of images and masks, each in train or in val."""
        groups: dict[str, dict[str, SourceFile]] = {
            self.image_dir: {},
            self.mask_dir: {},
        }
        for file in list_files(self.source, _SUFFIXES):
            parts = list(file.path.parent.parts)
            kind = next((p for p in parts if p in groups), None)
            if kind is not None:
                parts.remove(kind)
                name = '/'.join([*parts, file.path.stem])
                put_once(groups[kind], name, file)
        images, masks = groups[self.image_dir], groups[self.mask_dir]
        alone = sorted(set(images) ^ set(masks))
        if alone or not images:
            first = alone[0] if alone else 'none at all'
            raise FileNotFoundError(
                f'{len(alone)} files have no partner, the first is {first}; '
                f'expected .../{self.image_dir}/NAME with '
                f'.../{self.mask_dir}/NAME, below '
                f'{", ".join(map(str, self.source))}'
            )
        val = self._val_names(sorted(images))
        if len(val) == len(images):
            raise ValueError(
                f'all {len(images)} scenes would be for validation, none is '
                'left for training; give more images, or fewer to --val'
            )
        scenes = []
        for name in sorted(images):
            split = 'val' if name in val else 'train'
            pair = images[name], masks[name]
            scenes.append(Scene(name, *pair, split, stem=_stem(name)))
        return scenes

    def files(self) -> dict[str, bytes]:
        """The names, so that the folder describes itself."""
        return {'names.txt': self.names.read_bytes()}

    def _val_names(self, names: Sequence[str]) -> set[str]:
        if not self.val:
            number = max(1, round(self.val_share * len(names)))
            return set(random.Random(self.seed).sample(names, number))
        found = {name for name in names if name.startswith(self.val)}
        unused = [
            v for v in self.val if not any(n.startswith(v) for n in names)
        ]
        if unused:
            raise ValueError(
                f'no scene for validation begins with {unused[0]!r}; the '
                f'first scenes are {list(names[:3])}'
            )
        return found

    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        """Class ids in the order of the names."""
        return read_label(content, file, self._table)

    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        """All tiles of the grid."""
        height, width = label.shape
        for window in tile_windows(
            height, width, self.size, self.size, self.rule
        ):
            name = f'{scene.stem}_{window.y}_{window.x}'
            yield Tile(scene.split, name, window)

    def report(self, records: Sequence[Record]) -> list[str]:
        """Count what both splits share."""
        return [shared_images(records)]


def _stem(name: str) -> str:
    return '_'.join(name.replace('/', ' ').split())


def _check(
    masks: str,
    ignore_colours: Sequence[str],
    image_dir: str,
    mask_dir: str,
    val_share: float,
) -> None:
    if masks not in ('ids', 'colours') or (masks == 'ids' and ignore_colours):
        raise ValueError(
            f'masks={masks!r} with ignore_colours={list(ignore_colours)}; '
            'ignored colours belong to masks of colours (--masks colours), in '
            'masks of ids the ignored pixels are 255'
        )
    if image_dir == mask_dir:
        raise ValueError(
            f'images and masks would both be taken from {image_dir!r}; give '
            'the names of two folders (--image-dir, --mask-dir)'
        )
    if not 0 < val_share < 1:
        raise ValueError(
            f'val_share={val_share}; give a share between 0 and 1'
        )
