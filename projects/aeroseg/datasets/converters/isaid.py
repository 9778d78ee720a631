# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""iSAID: colour masks of DOTA scenes, and two ready-made tilings."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from ..isaid15 import ISAID15Dataset
from ..labels import (
    IGNORE_INDEX,
    ColourTable,
    IdTable,
    open_label,
    read_label,
)
from .converter import Converter, Record, compare
from .scene import Scene, Tile
from .source import SourceFile, list_files, put_once, read_lines
from .tiling import Window, tile_windows

# Number of tiles of iSAID-5i, and so of arXiv:2504.09203.
PUBLISHED = {'train': 18076, 'val': 6363}
# Left out by the official devkit (preprocess/split.py) and by iSAID-5i.
LEFT_OUT = frozenset({'P1527', 'P1530'})
_MASK = '_instance_color_RGB'
_TILE = re.compile(r'(.+)_(\d+)_(\d+)_(\d+)_(\d+)')

Layout = Literal['official', 'isaid-5i', 'bundle']


class ISAIDConverter(Converter):
    """Cuts scenes into 256 px windows, or takes tiles that are cut already.

    Windows are 206 px apart, the last of a row or column ends at the edge.
    A window is kept if some class has at least 2,048 px in it; with a list,
    exactly the listed windows are kept. The 15 classes become 0-14, background
    becomes 255.

    Three layouts are known: the official one (``P0000.png`` and
    ``P0000_instance_color_RGB.png`` below ``train`` and ``val``), iSAID-5i
    (``{train,val}/{images,semantic_png}``, ids 1-15) and the OVRS bundle
    (``{train,val}/{imgs,D2masks}``, ids 0-14).

    Args:
        source (Sequence[str | Path]): Folders or archives of the download.
        lists (Mapping[str, str | Path], optional): Per split a text file
            with a tile name ``P0000_y0_y1_x0_x1`` per line.
        size (int): Side of a window, px. Default: 256.
        stride (int): Distance between two windows, px. Default: 206.
        min_pixels (int): Pixels that some class must have. Default: 2048.
        skip_missing (bool): Leave out masks without an image instead of
            raising. Default: False.
    """

    dataset = 'iSAID'
    classes = ISAID15Dataset.METAINFO['classes']

    def __init__(
        self,
        source: Sequence[str | Path],
        lists: Mapping[str, str | Path] | None = None,
        size: int = 256,
        stride: int = 206,
        min_pixels: int = 2048,
        skip_missing: bool = False,
    ) -> None:
        tile_windows(size, size, size, stride, 'clamp')
        if not 0 <= min_pixels <= size * size:
            raise ValueError(
                f'min_pixels={min_pixels}; a tile of {size}x{size} px has 0 '
                f'to {size * size}'
            )
        self.source = list(source)
        self.lists = {
            split: read_tile_list(path)
            for split, path in (lists or {}).items()
        }
        self.size, self.stride = size, stride
        self.min_pixels = min_pixels
        self.skip_missing = skip_missing
        self._files = list_files(self.source, ('.png', '.jpg'))
        self.layout = self._find_layout()
        self._table = self._make_table()

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result."""
        return {
            'layout': self.layout,
            'size': self.size,
            'stride': self.stride,
            'min_pixels': self.min_pixels,
            'listed': {s: len(names) for s, names in self.lists.items()},
        }

    def _find_layout(self) -> Layout:
        folders = {file.path.parent.name for file in self._files}
        if 'D2masks' in folders:
            return 'bundle'
        if 'semantic_png' in folders:
            return 'isaid-5i'
        if any(file.path.stem.endswith(_MASK) for file in self._files):
            return 'official'
        raise ValueError(
            f'no iSAID masks in {", ".join(map(str, self.source))}; expected '
            f'train and val with P0000.png and P0000{_MASK}.png (official), '
            'with images and semantic_png (iSAID-5i), or with imgs and '
            'D2masks (OVRS bundle)'
        )

    def _make_table(self) -> ColourTable | IdTable:
        ids = range(len(self.classes))
        if self.layout == 'bundle':
            return IdTable({i: i for i in ids})
        if self.layout == 'isaid-5i':
            return IdTable({0: IGNORE_INDEX, **{i + 1: i for i in ids}})
        palette = ISAID15Dataset.METAINFO['palette']
        colours = {tuple(rgb): i for i, rgb in enumerate(palette)}
        return ColourTable({(0, 0, 0): IGNORE_INDEX, **colours})

    def scenes(self) -> list[Scene]:
        """The scenes (or ready-made tiles) of train and val."""
        images, masks = self._pairs()
        wanted = self._wanted(set(images) | set(masks))
        scenes = []
        for key in sorted(wanted):
            image, mask = images.get(key), masks.get(key)
            if image is None and self.skip_missing and not self.lists:
                continue
            if image is None or mask is None:
                raise self._missing(key, image is None)
            split, name = key
            scenes.append(
                Scene(f'{split}/{name}', image, mask, split, wanted[key])
            )
        return scenes

    def _pairs(self) -> tuple[dict, dict]:
        """Images and masks by split and name."""
        images: dict[tuple[str, str], SourceFile] = {}
        masks: dict[tuple[str, str], SourceFile] = {}
        for file in self._files:
            split = _split(file)
            name = file.path.stem.removesuffix(_MASK)
            if split is None or name in LEFT_OUT:
                continue
            if file.path.stem.endswith('_instance_id_RGB'):
                continue
            is_mask = (
                file.path.stem.endswith(_MASK)
                or file.path.parent.name == 'D2masks'
            )
            group = masks if is_mask else images
            put_once(group, (split, name), file)
        if not images and not masks:
            raise ValueError(
                'the files lie neither below a folder "train" nor below a '
                'folder "val"; put the archives or files of the two parts '
                'into folders of these names'
            )
        return images, masks

    def _wanted(self, found: Iterable[tuple[str, str]]) -> dict:
        """Split and name of the scenes to read, with their listed tiles."""
        if not self.lists:
            return dict.fromkeys(found, ())
        wanted: dict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
        for split, names in self.lists.items():
            for name in names:
                scene = name
                if self.layout == 'official':
                    scene = parse_tile_name(name)[0]
                wanted[split, scene] += (name,)
        return wanted

    def _missing(self, key: tuple[str, str], image: bool) -> FileNotFoundError:
        split, name = key
        kind = 'image' if image else 'mask'
        fix = (
            'the images come from DOTA-v1.0, the masks from iSAID; download '
            'the missing part'
        )
        if image and not self.lists:
            fix += ', or leave such masks out with --skip-missing'
        return FileNotFoundError(f'{split}: no {kind} for {name}; {fix}')

    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        """Class ids 0-14, 255 for background."""
        if isinstance(self._table, ColourTable):
            return read_label(content, file, self._table)
        ids = np.asarray(open_label(content, file))
        if ids.ndim == 3:
            # Some tools store ids as an RGB picture with three equal bands.
            if (ids != ids[..., :1]).any():
                raise ValueError(f'{file} holds colours, expected ids')
            return self._table(ids[..., 0], file)
        return read_label(content, file, self._table)

    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        """The listed windows, or those where some class is large enough."""
        name = scene.name.split('/', 1)[1]
        if self.layout != 'official':
            return [Tile(scene.split, name, self._whole(scene, label))]
        if scene.tiles:
            return [self._listed(scene, tile, label) for tile in scene.tiles]
        return [
            Tile(scene.split, tile_name(name, window), window)
            for window in self._chosen(label)
        ]

    def _whole(self, scene: Scene, label: np.ndarray) -> Window:
        if label.shape != (self.size, self.size):
            raise ValueError(
                f'{scene.label} is {label.shape[1]}x{label.shape[0]} px, '
                f'expected a ready-made tile of {self.size}x{self.size} px'
            )
        return Window(0, 0, self.size, self.size)

    def _listed(self, scene: Scene, name: str, label: np.ndarray) -> Tile:
        _, y0, y1, x0, x1 = parse_tile_name(name)
        if y1 > label.shape[0] or x1 > label.shape[1]:
            raise ValueError(
                f'the listed tile {name} extends beyond {scene.image} '
                f'({label.shape[1]}x{label.shape[0]} px); the image is not '
                'the one of the official download'
            )
        return Tile(scene.split, name, Window(x0, y0, x1 - x0, y1 - y0))

    def _chosen(self, label: np.ndarray) -> list[Window]:
        height, width = label.shape
        grid = tile_windows(height, width, self.size, self.stride, 'clamp')
        return [w for w in grid if self._is_large(label, w)]

    def _is_large(self, label: np.ndarray, window: Window) -> bool:
        x, y, width, height = window
        part = label[y : y + height, x : x + width]
        counts = np.bincount(part.ravel(), minlength=len(self.classes))
        return counts[: len(self.classes)].max() >= self.min_pixels

    def notes(self, scene: Scene, label: np.ndarray) -> dict[str, Any]:
        """How the list and the selection rule differ on this scene."""
        if self.layout != 'official' or not scene.tiles:
            return {}
        name = scene.name.split('/', 1)[1]
        rule = {tile_name(name, window) for window in self._chosen(label)}
        listed = set(scene.tiles)
        return {
            'only_listed': len(listed - rule),
            'only_rule': len(rule - listed),
        }

    def report(self, records: Sequence[Record]) -> list[str]:
        """Compare the number of tiles with those of iSAID-5i."""
        sentences = compare(records, PUBLISHED)
        notes = [record['notes'] for record in records if record['notes']]
        if notes:
            only_listed = sum(n['only_listed'] for n in notes)
            only_rule = sum(n['only_rule'] for n in notes)
            sentences.append(
                f'{only_listed:,} listed tiles would not be chosen by the '
                f'rule of {self.min_pixels:,} px; the rule would add '
                f'{only_rule:,} tiles of these scenes'
            )
        return sentences


def _split(file: SourceFile) -> str | None:
    parts = [*Path(file.container).parts, *file.path.parts]
    found = [part for part in parts if part in ('train', 'val', 'test')]
    return found[-1] if found and found[-1] != 'test' else None


def read_tile_list(path: str | Path) -> list[str]:
    """Names of a published tile list.

    Args:
        path (str | Path): A line holds the path of an image, optionally
            followed by that of its mask; only the name of the image counts.

    Returns:
        list[str]: Names without folder and ending, in order.

    Raises:
        ValueError: If a name is given twice, or the list is empty or no text
            in UTF-8.
    """
    lines = read_lines(Path(path).read_bytes(), path)
    names = [PurePosixPath(line.split()[0]).stem for line in lines]
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice or not names:
        fault = f'{twice[0]} is listed twice' if twice else 'no tile listed'
        raise ValueError(f'{path}: {fault}; give every tile once')
    return names


def parse_tile_name(name: str) -> tuple[str, int, int, int, int]:
    """Scene, y0, y1, x0 and x1 (px) of a tile.

    Raises:
        ValueError: If the name has another form.
    """
    match = _TILE.fullmatch(name)
    if match is None:
        raise ValueError(
            f'{name!r} is not a tile name; expected SCENE_y0_y1_x0_x1, such '
            'as P0003_0_256_206_462'
        )
    y0, y1, x0, x1 = map(int, match.groups()[1:])
    return match[1], y0, y1, x0, x1


def tile_name(scene: str, window: Window) -> str:
    """The inverse of :func:`parse_tile_name`."""
    x, y, width, height = window
    return f'{scene}_{y}_{y + height}_{x}_{x + width}'
