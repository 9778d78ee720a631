# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Converts the official download of any test set of the protocols."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.window_starts import starts_by_stride

from ..converters.converter import Converter, Record, compare, shared_images
from ..converters.scene import Scene, Tile
from ..converters.source import SourceFile, list_files, put_once
from ..converters.tiling import Window
from ..labels import ColourTable, read_colours, read_label
from .benchmark import BENCHMARKS, Layout, load_benchmark

_SUFFIXES = ('.png', '.jpg', '.tif')
Key = tuple[str, str]  # split, name
CONVERTED = tuple(n for n in BENCHMARKS if load_benchmark(n).layout)


class BenchmarkConverter(Converter):
    """Pairs the images and labels of an official layout and cuts them.

    Which file is what, the ids or colours, the split and the tiles stand in
    the data file of the set. A last tile ends at the edge of its image and
    overlaps its neighbour ('clamp'), as in mmseg's converters.

    Images of a part without any label (such as LoveDA's test) are left out
    and counted in the report.

    Args:
        source (Sequence[str | Path]): Folders or archives of the download.
        benchmark (str): Name of the set; one of `CONVERTED`.
        tile (tuple[int, int] | None): Width and height of the tiles, px;
            (0, 0) for whole images. Default: as the data file says.
        ignore_unknown (bool): Take pixels of a colour that no class has as
            ignored, and count them. Default: False, an error.

    Raises:
        FileNotFoundError: If a label or an image is missing.
        ValueError: If the source is another dataset, or the set has a
            converter of its own.
    """

    def __init__(
        self,
        source: Sequence[str | Path],
        benchmark: str,
        tile: tuple[int, int] | None = None,
        ignore_unknown: bool = False,
    ) -> None:
        self.source = list(source)
        self.benchmark = load_benchmark(benchmark)
        if self.benchmark.layout is None:
            raise ValueError(
                f'{benchmark} has a converter of its own: '
                f'tools/dataset_converters/{benchmark}.py'
            )
        self.layout: Layout = self.benchmark.layout
        self.tile, self.stride = self.layout.tile, self.layout.stride
        if tile is not None and tile != self.tile:
            self.tile, self.stride = (tile if min(tile) else None), None
        if self.stride is None:
            self.stride = self.tile
        self.ignore_unknown = ignore_unknown
        if ignore_unknown and not isinstance(self.layout.table, ColourTable):
            raise ValueError(
                f'the labels of {benchmark} hold ids, not colours; '
                '--ignore-unknown is for masks of colours'
            )
        self._left_out: Counter[str] = Counter()
        self._unknown = 0

    @property
    def dataset(self) -> str:  # type: ignore[override]
        """Name in the manifest."""
        return self.benchmark.dataset

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the ids."""
        return self.benchmark.vocabulary.names

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result."""
        return {
            'tile': self.tile and list(self.tile),
            'stride': self.stride and list(self.stride),
            'ignore_unknown': self.ignore_unknown,
        }

    def scenes(self) -> list[Scene]:
        """The labelled images."""
        images, labels = self._files()
        self._check_complete(images, labels)
        scenes = []
        for split, name in sorted(labels):
            pair = images[split, name], labels[split, name]
            stem = name.replace('/', '_')
            scenes.append(Scene(f'{split}/{name}', *pair, split, stem=stem))
        return scenes

    def _files(self) -> tuple[dict[Key, SourceFile], dict[Key, SourceFile]]:
        images: dict[Key, SourceFile] = {}
        labels: dict[Key, SourceFile] = {}
        found = list_files(self.source, _SUFFIXES)
        for file in found:
            for group, pattern in (
                (images, self.layout.image),
                (labels, self.layout.label),
            ):
                match = pattern.search(_place(file))
                if match is not None:
                    put_once(group, self._key(match), file)
        if not images and not labels:
            raise ValueError(
                f'no file of {self.dataset} in '
                f'{", ".join(map(str, self.source))}; expected '
                f'{self.layout.text}{_looks_like(found)}'
            )
        return images, labels

    def _key(self, match: re.Match[str]) -> Key:
        parts = match.groupdict()
        split = parts.pop('split', None)
        # A name may end in '/', as it was matched.
        name = '/'.join(part.strip('/') for part in parts.values())
        if split is None:
            split = 'val' if name in self.layout.val else 'train'
        return split.lower(), name

    def _check_complete(
        self, images: dict[Key, SourceFile], labels: dict[Key, SourceFile]
    ) -> None:
        labelled = {split for split, _ in labels}
        self._left_out = Counter(
            split for split, _ in images if split not in labelled
        )
        if not labelled:
            raise FileNotFoundError(
                f'{len(images):,} images of {self.dataset} but no label in '
                f'{", ".join(map(str, self.source))}; expected '
                f'{self.layout.text}. Get the labels too'
            )
        for have, other, kind in (
            (images, labels, 'label'),
            (labels, images, 'image'),
        ):
            alone = sorted(
                key for key in have if key not in other and key[0] in labelled
            )
            if alone:
                raise FileNotFoundError(
                    f'{len(alone):,} of {len(have):,} files of '
                    f'{self.dataset} have no {kind}, the first is '
                    f'{have[alone[0]]}; expected {self.layout.text}'
                )

    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        """Class ids, 255 where ignored."""
        table = self.layout.table
        if not (self.ignore_unknown and isinstance(table, ColourTable)):
            return read_label(content, file, table)
        ids, self._unknown = table.known(read_colours(content, file))
        return ids

    def notes(self, scene: Scene, label: np.ndarray) -> dict[str, Any]:
        """Pixels of unknown colours, where they are ignored."""
        del scene, label
        return {'unknown': self._unknown} if self.ignore_unknown else {}

    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        """The whole image, or its tiles, named NAME_y0_x0."""
        height, width = label.shape
        if self.tile is None or self.stride is None:
            window = Window(0, 0, width, height)
            return [Tile(scene.split, scene.stem, window)]
        columns, rows = (
            starts_by_stride(side, size, step, 'clamp')
            for side, size, step in zip(
                (width, height), self.tile, self.stride, strict=True
            )
        )
        return [
            Tile(
                scene.split, f'{scene.stem}_{y}_{x}', Window(x, y, *self.tile)
            )
            for y in rows
            for x in columns
        ]

    def report(self, records: Sequence[Record]) -> list[str]:
        """Compare with the published numbers; say what was left out."""
        sentences = self._counts(records)
        for split, number in sorted(self._left_out.items()):
            sentences.append(
                f'{split}: {number:,} images have no labels and are left out'
            )
        unknown = [r for r in records if r['notes'].get('unknown')]
        if unknown:
            pixels = sum(record['notes']['unknown'] for record in unknown)
            sentences.append(
                f'warning: {pixels:,} px of {len(unknown):,} masks have a '
                'colour of no class and are ignored, the first in '
                f'{unknown[0]["label"]["file"]}'
            )
        splits = {tile['split'] for r in records for tile in r['tiles']}
        if {'train', 'val'} <= splits:
            sentences.append(shared_images(records))
        return sentences

    def _counts(self, records: Sequence[Record]) -> list[str]:
        """Tiles per split; next to the published number of such tiles."""
        if self.tile == self.layout.tile and self.layout.published:
            return compare(records, self.layout.published)
        splits = Counter(t['split'] for r in records for t in r['tiles'])
        return [f'{s}: {n:,} tiles' for s, n in sorted(splits.items())]


def _place(file: SourceFile) -> str:
    """Path with the name of its folder or archive in front."""
    container = Path(file.container).resolve()
    name = container.name if container.is_dir() else container.stem
    return f'{name}/{file.member}'


def _looks_like(files: Sequence[SourceFile]) -> str:
    """Which other set the files belong to, if that can be seen."""
    places = [_place(file) for file in files]
    fits = [
        load_benchmark(name).dataset
        for name in CONVERTED
        if (layout := load_benchmark(name).layout)
        and any(layout.image.search(place) for place in places)
        and any(layout.label.search(place) for place in places)
    ]
    return f'. The files look like {" or ".join(fits)}' if fits else ''
