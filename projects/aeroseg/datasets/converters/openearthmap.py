# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""OpenEarthMap: regions of GeoTIFF pairs with the official split lists."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.window_starts import END_RULES, EndRule

from ..labels import IGNORE_INDEX, IdTable, read_ids
from ..openearthmap import OpenEarthMapDataset
from .converter import Converter, Record, compare
from .scene import Scene, Tile
from .source import SourceFile, list_files, put_once, read_lines
from .tiling import Window, cut, tile_windows

# Number of tiles that arXiv:2504.09203 gives.
PUBLISHED = {'train': 31154, 'val': 5195}


class OpenEarthMapConverter(Converter):
    """Cuts ``REGION/{images,labels}/REGION_N.tif`` into square tiles.

    The ids 1-8 become 0-7, unknown (0) becomes 255. The GeoTIFF tags are
    dropped; the manifest keeps the window of every tile.

    Args:
        source (Sequence[str | Path]): Folders or archives of the download.
        lists (Mapping[str, str | Path], optional): A list of file names per
            split. Default: ``train.txt`` and ``val.txt`` of the source.
        size (int): Side of a tile, px. Default: 256.
        rule (EndRule): What happens to the remainder at the edges. Default:
            'drop', the rule whose numbers are closest to the published ones
            when sides are not a multiple of 256; no pixel is scored twice.
        without_xbd (bool): Leave out listed scenes without an image: the
            smaller official archive has no images of the xBD part. Default:
            False.
    """

    dataset = 'OpenEarthMap'
    classes = OpenEarthMapDataset.METAINFO['classes']

    def __init__(
        self,
        source: Sequence[str | Path],
        lists: Mapping[str, str | Path] | None = None,
        size: int = 256,
        rule: EndRule = 'drop',
        without_xbd: bool = False,
    ) -> None:
        tile_windows(size, size, size, size, rule)
        self.source = list(source)
        self.lists = dict(lists or {})
        self.size = size
        self.rule = rule
        self.without_xbd = without_xbd
        ids = {i + 1: i for i in range(len(self.classes))}
        self._table = IdTable({0: IGNORE_INDEX, **ids})

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result."""
        return {
            'size': self.size,
            'rule': self.rule,
            'without_xbd': self.without_xbd,
        }

    def scenes(self) -> list[Scene]:
        """The listed scenes with their files."""
        files = list_files(self.source, ('.tif',))
        parts: dict[str, dict[str, SourceFile]] = {'images': {}, 'labels': {}}
        for file in files:
            if file.path.parent.name in parts:
                put_once(parts[file.path.parent.name], file.path.name, file)
        if not parts['labels']:
            raise ValueError(
                f'no REGION/labels/*.tif in {_join(self.source)}; expected '
                'the official layout REGION/images/REGION_N.tif and '
                'REGION/labels/REGION_N.tif'
            )
        scenes = []
        for split, names in self._names().items():
            for name in names:
                image, label = (parts[kind].get(name) for kind in parts)
                if image is None and self.without_xbd:
                    continue
                if image is None or label is None:
                    raise self._missing(name, split, image is None)
                stem = Path(name).stem
                key = f'{split}/{stem}'
                scenes.append(Scene(key, image, label, split, stem=stem))
        return scenes

    def _names(self) -> dict[str, list[str]]:
        if self.lists:
            lines = {
                split: read_lines(Path(path).read_bytes(), path)
                for split, path in self.lists.items()
            }
        else:
            files = list_files(self.source, ('train.txt', 'val.txt'))
            # The list nearest to the top wins.
            files.sort(key=lambda f: -len(f.path.parts))
            lines = {
                f.path.stem: read_lines(f.read(), f)
                for f in files
                if f.path.stem in PUBLISHED
            }
        missing = [s for s in ('train', 'val') if not lines.get(s)]
        if missing:
            raise FileNotFoundError(
                f'no list of the {missing[0]} scenes in {_join(self.source)}; '
                'give the official train.txt and val.txt with --train-list '
                'and --val-list'
            )
        return dict(sorted(lines.items()))

    def _missing(
        self, name: str, split: str, image: bool
    ) -> FileNotFoundError:
        kind = 'image' if image else 'label'
        hint = ''
        if image:
            hint = (
                '. The archive without xBD has no images of that part: '
                'download them with the official script, or leave those '
                'scenes out with --without-xbd'
            )
        return FileNotFoundError(
            f'the {kind} of {name}, listed for {split}, is not in '
            f'{_join(self.source)}{hint}'
        )

    def read_label(self, content: bytes, file: SourceFile) -> np.ndarray:
        """Class ids 0-7, 255 for unknown."""
        return self._table(read_ids(content, file), file)

    def tiles(self, scene: Scene, label: np.ndarray) -> Iterable[Tile]:
        """All tiles of the grid, named REGION_N_y0_x0."""
        stem = scene.name.split('/')[1]
        for window in self._windows(label, self.rule):
            name = f'{stem}_{window.y}_{window.x}'
            yield Tile(scene.split, name, window)

    def notes(self, scene: Scene, label: np.ndarray) -> dict[str, Any]:
        """Number of tiles under every rule: all, and with a known pixel."""
        counts: dict[str, Any] = {'split': scene.split}
        for rule in END_RULES:
            windows = self._windows(label, rule)
            known = [
                bool((cut(label, w, IGNORE_INDEX) != IGNORE_INDEX).any())
                for w in windows
            ]
            counts[rule] = [len(windows), sum(known)]
        return counts

    def _windows(self, label: np.ndarray, rule: EndRule) -> list[Window]:
        height, width = label.shape
        return tile_windows(height, width, self.size, self.size, rule)

    def report(self, records: Sequence[Record]) -> list[str]:
        """Compare the number of tiles under every rule with the paper's."""
        sentences = compare(records, PUBLISHED)
        for rule in END_RULES:
            parts = []
            for split, published in PUBLISHED.items():
                notes = [r['notes'] for r in records]
                pairs = [n[rule] for n in notes if n['split'] == split]
                total, known = (sum(p[i] for p in pairs) for i in (0, 1))
                parts.append(
                    f'{split} {total:,} ({known:,} with a known pixel; '
                    f'published {published:,})'
                )
            chosen = (
                ', the rule of this conversion' if rule == self.rule else ''
            )
            sentences.append(f'rule {rule}: {", ".join(parts)}{chosen}')
        return sentences + _shared_scenes(records)


def _shared_scenes(records: Sequence[Record]) -> list[str]:
    files = [(r['notes']['split'], r['image']['file']) for r in records]
    both = sorted(f for s, f in files if s == 'val' and ('train', f) in files)
    if not both:
        return []
    return [
        f'warning: {len(both):,} scenes are listed for train and for val, '
        f'the first is {both[0]}; their scores measure memory'
    ]


def _join(paths: Sequence[str | Path]) -> str:
    return ', '.join(map(str, paths))
