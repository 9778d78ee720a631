# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One table of a model's scores on several test sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from .result_file import read_result
from .score_table import format_score, render_table
from .scores import UNSEEN, mean_of_valid, weighted_mean

METRICS = ('mIoU', 'mACC', 'fwIoU')
_NAN = float('nan')


@dataclass(frozen=True)
class CrossScore:
    """The scores of one model on one test set.

    Attributes:
        benchmark (str): Name of the set.
        protocol (str): Name of the protocol.
        images (int): How many were scored.
        scores (Mapping[str, float]): mIoU, mACC and fwIoU, percent.
        new_words (float): Mean IoU over the classes whose words training did
            not have, percent; nan where there are none, or it is not known.
        classes (tuple[str, ...]): Names of the classes.
        in_training (tuple[str, ...] | None): Those whose words training had;
            None where the words of the training are not known.
        is_training_set (bool): Whether the model was trained on this set.
        trained_on (str): Dataset of the training, 'none' without training.
        remark (str): What the protocol leaves open for this set.
        differences (tuple[str, ...]): What differs from the protocol.
        record (Mapping[str, Any]): The result file.
    """

    benchmark: str
    protocol: str
    images: int
    scores: Mapping[str, float]
    new_words: float
    classes: tuple[str, ...]
    in_training: tuple[str, ...] | None
    is_training_set: bool
    trained_on: str
    remark: str
    differences: tuple[str, ...]
    record: Mapping[str, Any]


def read_cross_score(path: str | Path) -> CrossScore:
    """Read a result of ``tools/test_across.py``.

    Args:
        path (str | Path): The result file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no result of a cross-dataset test.
    """
    record = read_result(path)
    cross = (record.get('protocol') or {}).get('cross') or {}
    try:
        known = cross['in_training']
        return CrossScore(
            benchmark=cross['benchmark'],
            protocol=cross['protocol'],
            images=record['images'],
            scores=_scores(record),
            new_words=_number(record['summary'].get(UNSEEN)),
            classes=tuple(entry['name'] for entry in record['classes']),
            in_training=None if known is None else tuple(known),
            is_training_set=bool(cross['is_training_set']),
            trained_on=cross['trained_on'],
            remark=cross['remark'],
            differences=tuple(cross['differences']),
            record=record,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is no result of tools/test_across.py ({error!r}); test '
            'again'
        ) from error


def _scores(record: Mapping[str, Any]) -> dict[str, float]:
    classes = record['classes']
    pixels = [entry['pixels'] for entry in classes]
    return {
        'mIoU': _number(record['summary']['mIoU']),
        'mACC': _number(record['summary']['mAcc']),
        'fwIoU': weighted_mean([_number(e['IoU']) for e in classes], pixels),
    }


def _number(value: float | None) -> float:
    return _NAN if value is None else float(value)


def cross_table(results: Sequence[CrossScore]) -> str:
    """Draw the scores on all test sets.

    Args:
        results (Sequence[CrossScore]): At least one, of one protocol.

    Returns:
        str: A row per set, the means, and lines on what to know when reading
        them: sets and words that the training had, differences from the
        protocol.

    Raises:
        ValueError: If the results are of different protocols.
    """
    names = sorted({result.protocol for result in results})
    if len(names) != 1:
        raise ValueError(
            f'results of the protocols {names} do not share a table; ask for '
            'one of them'
        )
    table = Table(box=box.ASCII2, title=f'protocol {names[0]}')
    for name in ('test set', 'images', 'classes', *METRICS):
        table.add_column(
            name, justify='left' if name == 'test set' else 'right'
        )
    table.add_column('words in training')
    table.add_column('mIoU of new words', justify='right')
    for result in results:
        table.add_row(*_row(result))
    table.add_section()
    for title, chosen in _groups(results):
        means = [
            mean_of_valid([r.scores[metric] for r in chosen])
            for metric in METRICS
        ]
        new = mean_of_valid([r.new_words for r in chosen])
        cells = ['', '', *map(format_score, means), '', format_score(new)]
        table.add_row(title, *cells)
    return '\n'.join([render_table(table), *_remarks(results)])


def _row(result: CrossScore) -> list[str]:
    marks = '*' * result.is_training_set + '!' * bool(result.differences)
    known = result.in_training
    words = 'not known'
    if known is not None:
        words = f'{len(known)} of {len(result.classes)}'
        words += f': {", ".join(known)}' if known else ''
    return [
        result.benchmark + marks,
        f'{result.images:,}',
        f'{len(result.classes)}',
        *(format_score(result.scores[metric]) for metric in METRICS),
        words,
        format_score(result.new_words),
    ]


def _groups(
    results: Sequence[CrossScore],
) -> list[tuple[str, list[CrossScore]]]:
    """All sets, and all but those that the model was trained on."""
    groups = [(f'mean of {len(results)}', list(results))]
    others = [result for result in results if not result.is_training_set]
    if 0 < len(others) < len(results):
        groups.append((f'mean of {len(others)} without *', others))
    return groups


def _remarks(results: Sequence[CrossScore]) -> list[str]:
    lines = []
    if any(result.is_training_set for result in results):
        lines.append('* the model was trained on this set')
    for result in results:
        for difference in result.differences:
            lines.append(
                f'! {result.benchmark}: {difference}; not comparable with '
                'published rows'
            )
        if result.remark:
            lines.append(f'{result.benchmark}: {result.remark}')
    if any(result.in_training is None for result in results):
        lines.append(
            'The checkpoint does not say which words it was trained with, so '
            'nothing here can be called zero-shot.'
        )
    return lines
