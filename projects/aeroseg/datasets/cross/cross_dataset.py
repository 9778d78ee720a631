# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A converted test set, asked for in the words of a protocol."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg.registry import DATASETS

from aeroseg.vocabulary import Vocabulary

from ..labels import IGNORE_INDEX
from ..open_vocab import OpenVocabDataset
from .benchmark import OWN, Benchmark, Wording, load_benchmark


@DATASETS.register_module()
class CrossDataset(OpenVocabDataset):
    """One test set of a cross-dataset protocol.

    ``metainfo`` gets the words of the protocol, its background rule
    ('threshold' and 'background_id') and, where the words of the training
    are known, the classes that training knew as 'seen_classes'.

    Args:
        benchmark (str): Name of the set; see :data:`BENCHMARKS`.
        data_root (str): Folder that the converter wrote.
        protocol (str): 'own' or a published protocol. Default: 'own'.
        trained (Sequence[str], optional): Words of the training; () for a
            model that was not trained, None where they are not known.
            Default: None.
        words (str, optional): Text file with other words, a class of the
            protocol per line. Default: the words of the protocol.
        splits (Sequence[str], optional): Other parts than the protocol's.
        **kwargs: ``pipeline``, ``test_mode``, ...

    Raises:
        FileNotFoundError: If the folder or a part of it is missing.
        ValueError: If the folder holds another dataset, or the text file has
            another number of classes than the protocol.
    """

    def __init__(
        self,
        benchmark: str,
        data_root: str,
        protocol: str = OWN,
        trained: Sequence[str] | None = None,
        words: str | None = None,
        splits: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.benchmark: Benchmark = load_benchmark(benchmark)
        self.wording: Wording = self.benchmark.wording(protocol)
        record = _manifest(self.benchmark, Path(data_root))
        self.splits = _splits(record, self.wording, splits, data_root)
        vocabulary = self._vocabulary(words)
        info = vocabulary.to_metainfo()
        background = self.wording.background
        if background is not None:
            # Another word list keeps the order of the classes.
            place = [w[0] for w in self.wording.words].index(background)
            info['background_id'] = place
            info['threshold'] = self.wording.threshold
        known = None if trained is None else trained_classes(
            vocabulary, trained
        )  # fmt: skip
        if known is not None:
            info['seen_classes'] = known
        self.cross: dict[str, Any] = {
            'benchmark': benchmark,
            'protocol': protocol,
            'splits': list(self.splits),
            'words': [list(group) for group in vocabulary.synonyms],
            'ids': [list(ids) for ids in self.wording.ids],
            'threshold': self.wording.threshold,
            'background': background,
            'trained_words': None if trained is None else sorted(trained),
            'in_training': None if known is None else list(known),
            'differences': differences(record, self.wording, splits, words),
            'remark': self.wording.remark,
        }
        super().__init__(metainfo=info, data_root=data_root, **kwargs)
        # What the files hold, for the check of labels.
        self.full_vocabulary = self.benchmark.vocabulary

    def _vocabulary(self, words: str | None) -> Vocabulary:
        groups = self.wording.words
        if words is not None:
            groups = Vocabulary.from_file(words).synonyms
            if len(groups) != len(self.wording.words):
                raise ValueError(
                    f'{words} has {len(groups)} classes, but '
                    f'{self.benchmark.name} has {len(self.wording.words)} in '
                    'this protocol; give a line per class, in the order '
                    f'{[w[0] for w in self.wording.words]}'
                )
        colours = self.benchmark.vocabulary.palette
        palette = [
            colours[ids[0]] if ids[0] < len(colours) else (0, 0, 0)
            for ids in self.wording.ids
        ]
        names = tuple(group[0] for group in groups)
        return Vocabulary(names, groups, palette=tuple(palette))

    def get_label_map(
        self, new_classes: Sequence[str] | None = None
    ) -> dict[int, int]:
        """Class of the protocol for each id in the files, 255 included."""
        del new_classes
        ids = range(len(self.benchmark.vocabulary))
        table = dict.fromkeys([*ids, IGNORE_INDEX], IGNORE_INDEX)
        for new, covered in enumerate(self.wording.ids):
            table |= dict.fromkeys(covered, new)
        return table

    def load_data_list(self) -> list[dict[str, Any]]:
        """The pairs of all parts that are scored; see the base."""
        root = str(self.data_root)
        entries: list[dict[str, Any]] = []
        for split in self.splits:
            self.data_prefix = {
                'img_path': f'{root}/img_dir/{split}',
                'seg_map_path': f'{root}/ann_dir/{split}',
            }
            entries += super().load_data_list()
        return entries

    def _entry(
        self, name: str, img_dir: str, ann_dir: str | None
    ) -> dict[str, Any]:
        entry = super()._entry(name, img_dir, ann_dir)
        return {**entry, 'num_ids': len(self.benchmark.vocabulary)}


def trained_classes(
    vocabulary: Vocabulary, trained: Iterable[str]
) -> tuple[str, ...]:
    """The classes of which a word was also a word of the training.

    Capitals, hyphens and a plural s do not matter: 'Trees' is 'tree'.

    Args:
        vocabulary (Vocabulary): The classes of the test.
        trained (Iterable[str]): Words of the training.
    """
    known = {_plain(word) for word in trained}
    return tuple(
        name
        for name, words in zip(
            vocabulary.names, vocabulary.synonyms, strict=True
        )
        if known.intersection(map(_plain, words))
    )


def differences(
    record: Mapping[str, Any],
    wording: Wording,
    splits: Sequence[str] | None = None,
    words: str | None = None,
) -> list[str]:
    """What makes a test differ from the protocol, in a few words each."""
    found = []
    tile = record['settings'].get('tile')
    if wording.tile is not None and tile != list(wording.tile):
        asked = 'x'.join(map(str, wording.tile))
        given = 'x'.join(map(str, tile)) if tile else 'whole images'
        found.append(f'images are {given}, the protocol has {asked}')
    if splits is not None:
        found.append(f'scored on {", ".join(splits)}')
    if words is not None:
        found.append(f'words of {Path(words).name}')
    return found


def _plain(word: str) -> str:
    word = word.casefold().replace('-', ' ')
    return word[:-1] if re.search('[^s]s$', word) else word


def _manifest(benchmark: Benchmark, root: Path) -> dict[str, Any]:
    """The record of the converter, checked to be of this set."""
    path = root / 'manifest.json'
    how = (
        f'convert the download of {benchmark.title.partition(":")[0]} with '
        'tools/dataset_converters (docs/datasets.md)'
    )
    if not root.is_dir():
        raise FileNotFoundError(
            f'no folder {root} for {benchmark.name}; {how}'
        )
    if not path.is_file():
        raise FileNotFoundError(
            f'{root} has no manifest.json, so it is no finished conversion of '
            f'{benchmark.name}; {how}'
        )
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
        dataset, _ = record['settings']['dataset'], record['splits'].items()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is not the record of a converter, or is damaged '
            f'({error!r}); convert again'
        ) from error
    if dataset != benchmark.dataset:
        raise ValueError(
            f'{root} holds {dataset} (manifest.json), but was given as '
            f'{benchmark.name}, which needs {benchmark.dataset}; check the '
            'folders that were given'
        )
    return record


def _splits(
    record: Mapping[str, Any],
    wording: Wording,
    splits: Sequence[str] | None,
    root: str,
) -> tuple[str, ...]:
    """The parts to score, checked to be there."""
    there = tuple(record['splits'])
    held_out = tuple(split for split in there if split != 'train')
    asked = there if wording.splits is None else wording.splits or held_out
    wanted = tuple(splits or asked)
    if not wanted:
        raise FileNotFoundError(
            f'{root} has only the part {list(there)}, on which models are '
            'trained; choose it with --splits, or convert the other parts'
        )
    missing = [split for split in wanted if split not in there]
    if missing:
        raise FileNotFoundError(
            f'{root} has no labelled part {missing[0]!r}, on which the test '
            f'is scored; it has {list(there)}. Convert a download that has '
            'its labels, or choose parts that are there (--splits)'
        )
    return wanted
