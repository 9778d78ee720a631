# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Rules that turn facts about pairs into findings about a dataset."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from aeroseg.vocabulary import Vocabulary

from ..labels import IGNORE_INDEX
from .pair import PairFacts

Level = Literal['error', 'warning', 'note']
# With fewer images an IoU depends on single objects.
FEW_IMAGES = 20
_SHOWN = 5
# So many empty labels in a row are no chance.
_MANY = 16
_CONVERT = 'Run the converter again (tools/dataset_converters)'


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        level (Level): 'error': training would fail or learn from wrong labels;
            'warning': the score means less than it seems; 'note': good to
            know.
        text (str): The finding, one sentence.
        fix (str): What to do; empty if nothing is to be done.
    """

    level: Level
    text: str
    fix: str = ''

    def __str__(self) -> str:
        return f'{self.text}. {self.fix}'.rstrip(' .') + '.'


def check_split(
    name: str,
    pairs: Sequence[PairFacts],
    vocabulary: Vocabulary,
    sampled: bool = False,
) -> list[Finding]:
    """Findings about one split.

    Args:
        name (str): 'train', 'val' or 'test'.
        pairs (Sequence[PairFacts]): The pairs that were scanned.
        vocabulary (Vocabulary): All classes of the labels, in the order of
            their ids.
        sampled (bool): Whether the pairs are a sample; then absent or
            rare classes are not reported, and what only they hint at is a
            warning.

    Returns:
        list[Finding]: Errors first.
    """
    findings = [
        *_values(name, pairs, vocabulary, sampled),
        *_faults(name, pairs),
    ]
    findings += _images(name, pairs, sampled)
    if not sampled:
        findings += _classes(name, pairs, vocabulary)
    order = ('error', 'warning', 'note')
    return sorted(findings, key=lambda f: order.index(f.level))


def check_unused(name: str, labels: Sequence[str]) -> list[Finding]:
    """A finding about labels without an image."""
    if not labels:
        return []
    return [
        Finding(
            'warning',
            f'{name}: {len(labels):,} labels have no image, the first is '
            f'{labels[0]}',
            'They are not used; add the images or delete the labels',
        )
    ]


def check_overlap(
    splits: Mapping[str, Sequence[PairFacts]],
) -> list[Finding]:
    """Findings about pictures that several splits share, by content."""
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for split, pairs in splits.items():
        for pair in pairs:
            if pair.digest:
                places[pair.digest].setdefault(split, pair.image)
    findings = []
    names = list(splits)
    for i, one in enumerate(names):
        for two in names[i + 1 :]:
            both = [p for p in places.values() if one in p and two in p]
            if both:
                findings.append(_shared(one, two, both, len(splits[two])))
    return findings


def _shared(
    one: str, two: str, both: Sequence[Mapping[str, str]], total: int
) -> Finding:
    return Finding(
        'warning',
        f'{len(both):,} pictures are in {one} and in {two} (of {total:,} '
        f'pairs in {two}), for example {both[0][one]} and {both[0][two]}',
        'A score on seen classes then measures memorising; split by picture, '
        'as the DLRSD converter does with --split dedup',
    )


def _faults(name: str, pairs: Sequence[PairFacts]) -> Iterator[Finding]:
    faults = [fault for pair in pairs for fault in pair.faults]
    for fault in faults[:_SHOWN]:
        yield Finding('error', f'{name}: {fault}')
    if len(faults) > _SHOWN:
        rest = len(faults) - _SHOWN
        yield Finding('error', f'{name}: {rest:,} more faults like these')


def _expected(name: str, vocabulary: Vocabulary) -> set[int]:
    """Ids that a split should hold: in train the seen classes, else all."""
    marks = vocabulary.seen
    if marks is None or not _is_train(name):
        return set(range(len(vocabulary)))
    return {i for i, seen in enumerate(marks) if seen}


def _is_train(name: str) -> bool:
    """Whether a split is one of 'train', 'train 1', ...."""
    return name.split()[0] == 'train'


def _values(
    name: str,
    pairs: Sequence[PairFacts],
    vocabulary: Vocabulary,
    sampled: bool,
) -> Iterator[Finding]:
    """Faults that show in the values of all labels together."""
    raw = {i for pair in pairs for i in pair.raw_ids}
    if not raw:
        return
    number = len(vocabulary)
    absent = _expected(name, vocabulary) - raw
    # Among few labels a class may be absent by chance.
    level: Level = 'warning' if sampled else 'error'
    packed = [pair for pair in pairs if pair.packed]
    if packed and raw <= {0, 1, IGNORE_INDEX} and absent - {0, 1}:
        yield Finding(
            'error',
            f'{name}: the labels hold only {_join(raw)}, of {number} classes, '
            f'and {len(packed):,} of them are palette PNG with less than 8 '
            f'bit, such as that of {packed[0].image}; this looks like the '
            'palette fault, where a PNG of mode P lost its ids',
            _CONVERT + '; it writes mode L and reads every label back',
        )
    elif raw == {0, IGNORE_INDEX} and absent:
        yield Finding(
            level,
            f'{name}: the labels hold only 0 and 255, so there is a single '
            f'class, or none; no label has {_names(absent, vocabulary)}',
            'Masks of one object have 255 for it; write its class id instead',
        )
    elif number in raw and 0 not in raw and max(raw - {255}) == number:
        yield Finding(
            'error',
            f'{name}: the labels hold 1 to {number}, expected 0 to '
            f'{number - 1}',
            'The ids are shifted by one: set reduce_zero_label=True in the '
            'dataset, or convert the labels',
        )
    elif raw <= {0, 1, IGNORE_INDEX} and absent - {0, 1}:
        yield Finding(
            'warning',
            f'{name}: the labels hold only {_join(raw)}, of {number} classes; '
            f'no label has {_names(absent, vocabulary)}',
            'If these are masks of one object, write its class id instead',
        )


def _join(ids: Iterable[int]) -> str:
    return ' and '.join(map(str, sorted(ids)))


def _names(ids: Iterable[int], vocabulary: Vocabulary) -> str:
    names = [repr(vocabulary.names[i]) for i in sorted(ids)]
    rest = len(names) - _SHOWN
    more = f' and {rest} more' if rest > 0 else ''
    return ', '.join(names[:_SHOWN]) + more


def _images(
    name: str, pairs: Sequence[PairFacts], sampled: bool
) -> Iterator[Finding]:
    empty = [pair for pair in pairs if pair.is_empty]
    if len(empty) == len(pairs) and (not sampled or len(pairs) >= _MANY):
        yield Finding(
            'error',
            f'{name}: all {len(pairs):,} labels that were read hold only 255 '
            '(ignored), so there is nothing to learn or to score',
            'Masks of one object have 255 for it; write its class id instead',
        )
    elif empty:
        yield Finding(
            'warning',
            f'{name}: {len(empty):,} of {len(pairs):,} labels are all '
            f'ignored (255), for example that of {empty[0].image}',
            'They take time and add nothing; leave them out with ann_file',
        )
    sizes = Counter(pair.size for pair in pairs if pair.size != (0, 0))
    if len(sizes) > 1:
        parts = [f'{w}x{h} ({n:,})' for (w, h), n in sizes.most_common(4)]
        yield Finding(
            'note',
            f'{name}: the images have {len(sizes)} sizes, mostly '
            + ', '.join(parts),
            'The pipeline must crop or pad to one size for batches',
        )
    twice = len(pairs) - len({pair.digest for pair in pairs})
    if twice:
        yield Finding(
            'note',
            f'{name}: {twice:,} of {len(pairs):,} pairs repeat a picture '
            'of this split',
        )


def _classes(
    name: str, pairs: Sequence[PairFacts], vocabulary: Vocabulary
) -> Iterator[Finding]:
    images = Counter(i for pair in pairs for i in pair.pixels)
    for i, label in enumerate(vocabulary.names):
        number = images[i]
        seen = vocabulary.seen is None or vocabulary.seen[i]
        if _is_train(name):
            if number == 0 and seen:
                yield Finding(
                    'warning',
                    f'{name}: no pixel of {label!r}, a class to be trained',
                    'Add images that show it, or mark it as [unseen]',
                )
        elif number == 0:
            yield Finding(
                'warning',
                f'{name}: no pixel of {label!r}',
                'Its IoU is undefined and left out of the mean',
            )
        elif number < FEW_IMAGES:
            yield Finding(
                'warning',
                f'{name}: only {number} images contain {label!r}',
                'Its IoU, and every mean that includes it, is unreliable',
            )
