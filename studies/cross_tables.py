# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cross-dataset tables: published rows next to results of test_across.py."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from table_writer import table_line

from aeroseg.datasets.cross import load_benchmark, protocols
from aeroseg.evaluation.cross_table import CrossScore, read_cross_score
from aeroseg.evaluation.scores import mean_of_valid

PUBLISHED = Path(__file__).parent / 'published/cross_results.json'
METRICS = ('mIoU', 'mACC', 'fwIoU')
_MARKS = {
    'V': 'published, read at its source',
    'S': 'published, seen second-hand, not verified',
    'I': 'inferred from other figures, not verified',
}
_COLUMNS = (
    'protocol', 'trained_on', 'metric', 'row', 'backbone', 'kind', 'test_on',
    'value', 'source',
)  # fmt: skip


@dataclass(frozen=True)
class CrossRow:
    """One row: a model under one protocol.

    Attributes:
        protocol (str): Name in the file of published results, such as
            'P3-V1'; own runs without a published protocol have the name of
            theirs.
        trained_on (str): Dataset, 'none' for models without training.
        name (str): Method, or the config of an own run.
        backbone (str): As published; empty for own runs.
        kind (str): Whether it is published, verified, or ours.
        source (str): Where it was read; the folder of an own run.
        scores (Mapping[str, Mapping[str, float]]): By metric and test set,
            percent.
    """

    protocol: str
    trained_on: str
    name: str
    backbone: str
    kind: str
    source: str
    scores: Mapping[str, Mapping[str, float]]


def published_rows(path: str | Path = PUBLISHED) -> list[CrossRow]:
    """Read the file of published results.

    Args:
        path (str | Path): JSON with 'rows'.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another form.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'no file of published results {path}; that of the study is '
            f'{PUBLISHED}'
        )
    try:
        entries = json.loads(path.read_text(encoding='utf-8'))['rows']
        return [_published(entry) for entry in entries]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f'{path} is no file of published results: {error!r}; see '
            f'{PUBLISHED}'
        ) from error


def _published(entry: Mapping[str, Any]) -> CrossRow:
    return CrossRow(
        protocol=entry['protocol'],
        trained_on=entry['trained_on'],
        name=entry['method'],
        backbone=entry['backbone'],
        kind=_MARKS[entry['mark']],
        source=entry['source'],
        scores=entry['scores'],
    )


def own_rows(folders: Iterable[str | Path]) -> list[CrossRow]:
    """Rows of the results below some folders.

    Results of one model in one folder make a row. Those that differ from the
    protocol make a row of their own, under a protocol that says so.

    Args:
        folders (Iterable[str | Path]): Work dirs, or folders above them.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If a result file is faulty.
    """
    groups: dict[tuple[str, ...], dict[str, CrossScore]] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(
                f'no folder {folder}; name work dirs of tools/test_across.py '
                'or a folder above them'
            )
        for path in sorted(folder.rglob('cross_*.json')):
            score = read_cross_score(path)
            key = _key(score, path)
            groups.setdefault(key, {})[score.benchmark] = score
    return [
        CrossRow(
            protocol=key[0],
            trained_on=key[1],
            name=key[2],
            backbone='',
            kind='ours',
            source=key[3],
            scores=_own_scores(list(found.values())),
        )
        for key, found in sorted(groups.items())
    ]


def _key(score: CrossScore, path: Path) -> tuple[str, ...]:
    """Protocol, training data, model and folder of a result."""
    run = score.record['protocol']['run']
    name = Path(run.get('config') or 'unknown').stem
    weights = Path(run.get('checkpoint') or '').stem
    published = protocols()[score.protocol].published or score.protocol
    if score.differences:
        published += ', but ' + '; '.join(score.differences)
    model = f'{name}, {weights}' if weights else name
    return published, score.trained_on, model, str(path.parent)


def _own_scores(found: Sequence[CrossScore]) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    for metric in METRICS:
        values = {
            load_benchmark(s.benchmark).dataset.removesuffix('-16'): s.scores[
                metric
            ]
            for s in found
        }
        if len(values) > 1:
            mean = mean_of_valid(list(values.values()))
            values[f'mean{len(values)}'] = mean
        scores[metric] = values
    return scores


def cross_markdown(rows: Sequence[CrossRow]) -> str:
    """All tables as Markdown, one per protocol, training data and metric.

    Args:
        rows (Sequence[CrossRow]): Published and own rows.
    """
    parts = []
    for (protocol, trained_on, metric), group in _tables(rows).items():
        sets = _sets(group, metric)
        heads = ['', 'backbone', *sets, 'figures', 'source']
        lines = [
            f'### {protocol}, trained on {trained_on} ({metric}, %)',
            '',
            table_line(heads),
            table_line(['---', '---', *['--:'] * len(sets), '---', '---']),
        ]
        for row in group:
            values = row.scores[metric]
            cells = [f'{values[s]:.2f}' if s in values else '' for s in sets]
            lines.append(
                table_line(
                    [row.name, row.backbone, *cells, row.kind, row.source]
                )
            )
        parts.append('\n'.join([*lines, '']))
    return '\n'.join(parts)


def cross_csv(rows: Sequence[CrossRow]) -> str:
    """All figures as CSV, one per line."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(_COLUMNS)
    for (protocol, trained_on, metric), group in _tables(rows).items():
        for row in group:
            for name, value in row.scores[metric].items():
                writer.writerow(
                    [
                        protocol,
                        trained_on,
                        metric,
                        row.name,
                        row.backbone,
                        row.kind,
                        name,
                        value,
                        row.source,
                    ]
                )
    return stream.getvalue()


def _tables(
    rows: Sequence[CrossRow],
) -> dict[tuple[str, str, str], list[CrossRow]]:
    """Rows that may stand under each other."""
    tables: dict[tuple[str, str, str], list[CrossRow]] = {}
    for row in rows:
        for metric in row.scores:
            key = row.protocol, row.trained_on, metric
            tables.setdefault(key, []).append(row)
    return dict(sorted(tables.items()))


def _sets(rows: Sequence[CrossRow], metric: str) -> list[str]:
    """Test sets in the order of the rows, means last."""
    names = dict.fromkeys(name for row in rows for name in row.scores[metric])
    return sorted(names, key=lambda name: name.startswith('mean'))
