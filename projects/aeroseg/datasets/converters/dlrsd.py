# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""DLRSD: 2,100 tiles in 21 folders, with two ways to split them."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ..dlrsd import DLRSDDataset
from ..image_file import open_image
from ..labels import IdTable, read_ids
from .converter import Converter, Record, compare, shared_images
from .scene import Scene, Tile
from .source import SourceFile, list_files, put_once
from .tiling import Window

Split = Literal['dedup', 'published']
SPLITS: tuple[Split, ...] = get_args(Split)
# Numbers of arXiv:2504.09203; 7,002 is more than there are images.
PUBLISHED = {'train': 5601, 'val': 1401}
# 2,100 images, four fifths of every folder for training.
DISTINCT = {'train': 1680, 'val': 420}
_TRAIN_SHARE = 0.8


class DLRSDConverter(Converter):
    """Splits DLRSD into train and val; the ids 1-17 become 0-16.

    'published' makes one copy of an image per class in it and splits the
    copies at random, which gives the published numbers and puts most images
    into both splits. 'dedup' takes every distinct image once and splits each
    folder. Both draw with a seed and are listed in train.txt and val.txt.

    Known layouts: the official one (``Images/FOLDER/*.tif`` and
    ``Labels/FOLDER/*.png``) and the OVRS bundle (``imgs`` and ``D2masks``,
    ids 0-16; below ``train`` and ``val`` it contains the published
    split).

    Args:
        source (Sequence[str | Path]): Folders or archives of the download.
        split (Split): 'dedup' or 'published'. Default: 'dedup'.
        seed (int): Of the random split. Default: 0.

    Raises:
        ValueError: If the split or the layout is unknown.
        FileNotFoundError: If a label is missing.
    """

    dataset = 'DLRSD'
    classes = DLRSDDataset.METAINFO['classes']

    def __init__(
        self,
        source: Sequence[str | Path],
        split: Split = 'dedup',
        seed: int = 0,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f'split={split!r}; allowed are {SPLITS}')
        self.source = list(source)
        self.split = split
        self.seed = seed
        self._files = list_files(self.source, ('.tif', '.png', '.jpg'))
        folders = {part for f in self._files for part in f.path.parts[:-1]}
        self.is_bundle = 'D2masks' in folders
        if not self.is_bundle and 'Labels' not in folders:
            raise ValueError(
                f'no DLRSD labels in {", ".join(map(str, self.source))}; '
                'expected Images/FOLDER/*.tif with Labels/FOLDER/*.png '
                '(official) or imgs with D2masks (OVRS bundle)'
            )
        first = 0 if self.is_bundle else 1
        ids = range(len(self.classes))
        self._table = IdTable({i + first: i for i in ids})

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result."""
        layout = 'bundle' if self.is_bundle else 'official'
        return {'layout': layout, 'split': self.split, 'seed': self.seed}

    def scenes(self) -> list[Scene]:
        """The images with the tiles that each becomes."""
        pairs = self._pairs()
        ready = [key for key in pairs if key[0] in PUBLISHED]
        tiles: dict[tuple[str, str], tuple[str, ...]]
        if self.split == 'published' and ready:
            # The bundle contains the published split.
            tiles = {key: ('/'.join(key),) for key in ready}
        elif self.split == 'published':
            tiles = self._copies(pairs)
        else:
            tiles = self._distinct(pairs)
        return [
            Scene('/'.join(key), *pairs[key], tiles=tiles[key])
            for key in sorted(tiles)
        ]

    def _pairs(self) -> dict[tuple[str, str], tuple[SourceFile, SourceFile]]:
        """Image and label by folder (official: class) and name."""
        image_dir = 'imgs' if self.is_bundle else 'Images'
        label_dir = 'D2masks' if self.is_bundle else 'Labels'
        groups: dict[str, dict[tuple[str, str], SourceFile]] = {
            image_dir: {},
            label_dir: {},
        }
        for file in self._files:
            parts = (Path(file.container).name, *file.path.parts)
            kind = next((p for p in parts if p in groups), None)
            if kind is not None:
                folder = parts[-3] if self.is_bundle else parts[-2]
                put_once(groups[kind], (folder, file.path.stem), file)
        images, labels = groups.values()
        for key, image in images.items():
            if key not in labels:
                raise FileNotFoundError(
                    f'{image} has no label {label_dir}/../{key[1]}.png; '
                    'unpack the labels next to the images'
                )
        missing = sorted(set(labels) - set(images))
        if missing:
            raise FileNotFoundError(
                f'{labels[missing[0]]} has no image in {image_dir}; the '
                'download is not complete'
            )
        return {key: (images[key], labels[key]) for key in sorted(images)}

    def _copies(self, pairs: dict) -> dict[tuple[str, str], tuple[str, ...]]:
        """One tile per image and class in it, four fifths for training."""
        copies = [
            (key, int(i))
            for key, (_, label) in pairs.items()
            for i in np.unique(self.read_label(label.read(), label))
        ]
        random.Random(self.seed).shuffle(copies)
        limit = int(_TRAIN_SHARE * len(copies))
        tiles: dict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
        for place, (key, i) in enumerate(copies):
            split = 'train' if place < limit else 'val'
            tiles[key] += (f'{split}/{key[1]}_{i:02d}',)
        return {key: tuple(sorted(names)) for key, names in tiles.items()}

    def _distinct(self, pairs: dict) -> dict[tuple[str, str], tuple[str, ...]]:
        """Every distinct image once, four fifths of each land use."""
        groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
        known: set[str] = set()
        for key, (image, _) in pairs.items():
            digest = _content_hash(image)
            if digest not in known:
                known.add(digest)
                groups[key[1].rstrip('_0123456789')].append(key)
        tiles: dict[tuple[str, str], tuple[str, ...]] = {}
        for name in sorted(groups):
            keys = sorted(groups[name])
            random.Random(f'{self.seed} {name}').shuffle(keys)
            limit = round(_TRAIN_SHARE * len(keys))
            for place, key in enumerate(keys):
                split = 'train' if place < limit else 'val'
                # Both parts of a bundle may use one name for two images.
                prefix = f'{key[0]}_' if key[0] in DISTINCT else ''
                tiles[key] = (f'{split}/{prefix}{key[1]}',)
        return tiles

    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        """Class ids 0-16."""
        return self._table(read_ids(content, file), file)

    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        """The image itself, once or several times."""
        height, width = label.shape
        window = Window(0, 0, width, height)
        names = [tile.split('/') for tile in scene.tiles]
        return [Tile(split, name, window) for split, name in names]

    def report(self, records: Sequence[Record]) -> list[str]:
        """Compare with the published numbers; count what both splits share."""
        labels = {
            tile['img_dir']['sha256']: len(set(tile['pixels']) - {'255'})
            for record in records
            for tile in record['tiles']
        }
        total = sum(labels.values())
        verdict = 'as expected' if total == 7002 else 'expected 7,002'
        expected = PUBLISHED if self.split == 'published' else DISTINCT
        return [
            *compare(records, expected),
            f'{len(labels):,} distinct images hold {total:,} distinct labels '
            f'in total ({verdict})',
            shared_images(records),
        ]


def _content_hash(file: SourceFile) -> str:
    picture = open_image(file.read(), file)
    content = f'{picture.size} {picture.mode}'.encode() + picture.tobytes()
    return hashlib.sha256(content).hexdigest()
