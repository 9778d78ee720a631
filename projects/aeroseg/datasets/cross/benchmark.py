# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The test sets of the cross-dataset protocols, each a data file."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from aeroseg.palette import RGB, hex_to_rgb
from aeroseg.vocabulary import Vocabulary
from aeroseg.vocabulary.text import split_classes

from ..labels import IGNORE_INDEX, ColourTable, IdTable

_FOLDER = Path(__file__).with_name('benchmarks')
BENCHMARKS = tuple(sorted(path.stem for path in _FOLDER.glob('*.json')))
OWN = 'own'


@dataclass(frozen=True)
class Layout:
    """The official download of a set.

    Attributes:
        text (str): The layout in words, for messages.
        image (re.Pattern): Finds the images by 'FOLDER/PATH'; its groups say
            which label belongs to which image, 'split' also the split.
        label (re.Pattern): The same for the labels.
        table (ColourTable | IdTable): From the official labels to class ids.
        val (tuple[str, ...]): Names for validation, where no folder says it.
        tile (tuple[int, int] | None): Width and height of the tiles, px; None
            for whole images.
        stride (tuple[int, int] | None): Distance of two tiles, px; None for
            the size of a tile.
        published (Mapping[str, int]): Tiles per split, as published.
    """

    text: str
    image: re.Pattern[str]
    label: re.Pattern[str]
    table: ColourTable | IdTable
    val: tuple[str, ...]
    tile: tuple[int, int] | None
    stride: tuple[int, int] | None
    published: Mapping[str, int]


@dataclass(frozen=True)
class Wording:
    """How one protocol asks for a set.

    Attributes:
        splits (tuple[str, ...] | None): Which parts are scored; None for all,
            () for all but 'train'.
        words (tuple[tuple[str, ...], ...]): Per class its words.
        ids (tuple[tuple[int, ...], ...]): Per class the ids of the converted
            labels that it covers; 255 for the pixels without a class. Ids in
            no class do not count.
        threshold (float | None): A pixel whose best probability is below it
            becomes the background class.
        background (str | None): The class of such pixels.
        tile (tuple[int, int] | None): Width and height of the images that
            the protocol scores, px, where they are tiles.
        remark (str): What the protocol leaves open.
    """

    splits: tuple[str, ...] | None
    words: tuple[tuple[str, ...], ...]
    ids: tuple[tuple[int, ...], ...]
    threshold: float | None = None
    background: str | None = None
    tile: tuple[int, int] | None = None
    remark: str = ''


@dataclass(frozen=True)
class Benchmark:
    """A test set: its classes, its official layout, its protocols.

    Attributes:
        name (str): Name of the data file, such as 'loveda'.
        dataset (str): Name in the manifest of a converted folder.
        title (str): What it shows.
        source (str): Where to get it.
        licence (str): In a few words.
        vocabulary (Vocabulary): The classes of the converted labels, in the
            order of their ids.
        dataset_class (str | None): Registered class that trains on it.
        layout (Layout | None): None where the set has its own converter.
        wordings (Mapping[str, Wording]): By protocol.
    """

    name: str
    dataset: str
    title: str
    source: str
    licence: str
    vocabulary: Vocabulary
    dataset_class: str | None
    layout: Layout | None
    wordings: Mapping[str, Wording]

    def wording(self, protocol: str) -> Wording:
        """The words and ids of a protocol.

        Args:
            protocol (str): 'own' for the class names of the set itself, on
                what is not for training; or a published protocol.

        Raises:
            ValueError: If the protocol does not test on this set.
        """
        if protocol == OWN:
            ids = tuple((i,) for i in range(len(self.vocabulary)))
            return Wording((), self.vocabulary.synonyms, ids)
        if protocol not in self.wordings:
            raise ValueError(
                f'the protocol {protocol!r} does not test on {self.name}; '
                f'those that do are {[OWN, *self.wordings]}'
            )
        return self.wordings[protocol]


@cache
def load_benchmark(name: str) -> Benchmark:
    """Read the data file of a test set.

    Args:
        name (str): One of `BENCHMARKS`.

    Raises:
        ValueError: If there is no such set.
    """
    if name not in BENCHMARKS:
        raise ValueError(
            f'no test set {name!r}; known are {", ".join(BENCHMARKS)}'
        )
    text = (_FOLDER / f'{name}.json').read_text(encoding='utf-8')
    content = json.loads(text)
    vocabulary = _vocabulary(content)
    layout = content.get('official')
    return Benchmark(
        name=name,
        **{k: content[k] for k in ('dataset', 'title', 'source', 'licence')},
        vocabulary=vocabulary,
        dataset_class=content.get('class'),
        layout=layout and _layout(layout, vocabulary.palette),
        wordings={
            protocol: _wording(entry, len(vocabulary))
            for protocol, entry in content['protocols'].items()
        },
    )


def _vocabulary(content: Mapping[str, Any]) -> Vocabulary:
    if 'class' in content:
        info = dict(DATASETS.get(content['class']).METAINFO)
        # Which classes a split of the paper hides is of no interest here.
        info.pop('seen_classes', None)
        return Vocabulary.from_metainfo(info)
    palette = tuple(map(hex_to_rgb, content['palette']))
    return Vocabulary(tuple(content['classes']), palette=palette)


def _layout(entry: Mapping[str, Any], palette: Sequence[RGB]) -> Layout:
    table: ColourTable | IdTable
    if 'ids' in entry:
        table = IdTable(dict(enumerate(entry['ids'])))
    else:
        ignored = map(hex_to_rgb, entry.get('ignored', ()))
        colours = {rgb: i for i, rgb in enumerate(palette)}
        table = ColourTable(colours | dict.fromkeys(ignored, IGNORE_INDEX))
    return Layout(
        text=entry['layout'],
        # Cameras write .JPG, copies .jpg.
        image=re.compile(entry['image'], re.IGNORECASE),
        label=re.compile(entry['label'], re.IGNORECASE),
        table=table,
        val=tuple(entry.get('val', ())),
        tile=_size(entry.get('tile')),
        stride=_size(entry.get('stride')),
        published=entry['published'],
    )


def _wording(entry: Mapping[str, Any], number: int) -> Wording:
    splits = entry['splits']
    return Wording(
        splits=None if splits == 'all' else tuple(splits),
        words=tuple(split_classes(entry['words'])),
        ids=tuple(
            map(tuple, entry.get('ids') or [(i,) for i in range(number)])
        ),
        threshold=entry.get('threshold'),
        background=entry.get('background'),
        tile=_size(entry.get('tile')),
        remark=entry.get('remark', ''),
    )


def _size(value: Sequence[int] | None) -> tuple[int, int] | None:
    return None if value is None else (value[0], value[1])
