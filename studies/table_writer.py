# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Writes tables with the paper's figures next to ours."""

import csv
import io
import statistics
from collections.abc import Iterable, Iterator, Sequence

from runs import Run, Runs
from tables import AVERAGE, Row, Table

_COLUMNS = (
    'table', 'row', 'dataset', 'metric', 'paper', 'ours_mean',
    'ours_deviation', 'runs', 'protocol',
)  # fmt: skip
# What runs cost, in the order of Run.costs.
_COSTS = {
    'trained M': '{:.2f}',
    'training, CPU s': '{:.0f}',
    's per image': '{:.3f}',
}


def to_markdown(tables: Sequence[Table], runs: Runs) -> str:
    """All tables as Markdown.

    Args:
        tables (Sequence[Table]): The tables.
        runs (Runs): Our results by config name.

    Returns:
        str: Per table a line of the paper's figures and a line of ours for
        every row; ours are a mean and, for several runs, the sample standard
        deviation; a blank where nothing was run. Below it, how our figures
        were produced.
    """
    return '\n'.join(_markdown(table, runs) for table in tables)


def to_csv(tables: Sequence[Table], runs: Runs) -> str:
    """All figures as CSV, one per line.

    Args:
        tables (Sequence[Table]): The tables.
        runs (Runs): Our results by config name.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(_COLUMNS)
    for table in tables:
        for row in table.rows:
            for column in table.columns:
                writer.writerows(_csv_lines(table, row, column, runs))
    return stream.getvalue()


def _csv_lines(
    table: Table, row: Row, column: str, runs: Runs
) -> Iterator[list[object]]:
    used = _runs_of(row, column, runs)
    protocol = _protocol(used) if used else ''
    for i, metric in enumerate(table.metrics):
        paper = row.paper[column][i] if column in row.paper else ''
        values = _values(table, row, column, metric, runs)
        mean = f'{statistics.mean(values):.4f}' if values else ''
        spread = f'{statistics.stdev(values):.4f}' if len(values) > 1 else ''
        figures = [paper, mean, spread, len(values)]
        yield [table.id, row.name, column, metric, *figures, protocol]


def to_rows(table: Table, runs: Runs) -> str:
    """One table as Markdown, without title and notes.

    Args:
        table (Table): The table.
        runs (Runs): Our results by config name.
    """
    several = len(table.metrics) > 1
    first, heads = (
        ['', 'figures'],
        [
            f'{column} {metric}' if several else column
            for column in table.columns
            for metric in table.metrics
        ],
    )
    if table.costs:
        first, heads = [''], [*table.metrics, *_COSTS]
    lines = [
        table_line([*first, *heads]),
        table_line([*['---'] * len(first), *['--:'] * len(heads)]),
    ]
    for row in table.rows:
        lines += _row_lines(table, row, runs)
    return '\n'.join(lines)


def to_notes(table: Table, runs: Runs) -> str:
    """How our figures of a table were produced, a line per row.

    Args:
        table (Table): The table.
        runs (Runs): Our results by config name.
    """
    return '\n'.join(
        f'- {row.name}, {dataset}: {_protocol(used)}'
        for row in table.rows
        for dataset in table.datasets
        if (used := _runs_of(row, dataset, runs))
    )


def _markdown(table: Table, runs: Runs) -> str:
    metrics = ', '.join(table.metrics)
    lines = [
        f'### Table {table.id}. {table.title} ({metrics}, %)',
        '',
        to_rows(table, runs),
    ]
    if table.source and any(row.paper for row in table.rows):
        lines += ['', f'"paper": as printed in {table.source}.']
    if notes := to_notes(table, runs):
        lines += ['', '"ours":', '', notes]
    return '\n'.join([*lines, ''])


def _row_lines(table: Table, row: Row, runs: Runs) -> list[str]:
    """The line of the paper's figures, if any, and that of ours."""
    ours = [
        _mean_and_deviation(_values(table, row, column, metric, runs))
        for column in table.columns
        for metric in table.metrics
    ]
    if table.costs:
        return [table_line([row.name, *ours, *_costs(table, row, runs)])]
    lines = []
    if row.paper:
        figures = [
            f'{figure:.2f}' for c in table.columns for figure in row.paper[c]
        ]
        lines.append(table_line([row.name, 'paper', *figures]))
    return [*lines, table_line(['' if row.paper else row.name, 'ours', *ours])]


def _costs(table: Table, row: Row, runs: Runs) -> list[str]:
    """Means over the runs."""
    used = [run for d in table.datasets for run in _runs_of(row, d, runs)]
    cells = []
    for index, form in enumerate(_COSTS.values()):
        costs = [run.costs[index] for run in used]
        known = [cost for cost in costs if cost is not None]
        cells.append(form.format(statistics.mean(known)) if known else '')
    return cells


def _runs_of(row: Row, dataset: str, runs: Runs) -> list[Run]:
    config = row.configs.get(dataset)
    if config is None:
        return []
    stem = config.rsplit('/', 1)[-1].removesuffix('.py')
    return runs.get(stem, [])


def _values(
    table: Table, row: Row, column: str, metric: str, runs: Runs
) -> list[float]:
    """One score per run; the average over datasets needs all of them."""
    if column != AVERAGE:
        scores = [
            run.scores.get(metric) for run in _runs_of(row, column, runs)
        ]
        return [score for score in scores if score is not None]
    parts = [_values(table, row, d, metric, runs) for d in table.datasets]
    if not all(parts):
        return []
    if len({len(part) for part in parts}) == 1:
        return [
            statistics.mean(several) for several in zip(*parts, strict=True)
        ]
    return [statistics.mean(statistics.mean(part) for part in parts)]


def _mean_and_deviation(values: Sequence[float]) -> str:
    if not values:
        return ''
    mean = f'{statistics.mean(values):.2f}'
    if len(values) == 1:
        return mean
    return f'{mean} ± {statistics.stdev(values):.2f}'


def _protocol(runs: Sequence[Run]) -> str:
    """One line on how the figures were produced."""
    seeds = _distinct(run.seed for run in runs)
    parts = [
        f'{len(runs)} run{"s" if len(runs) > 1 else ""} (seed {seeds})',
        f'mode {_distinct(run.mode for run in runs)}',
        _distinct(run.checkpoint for run in runs),
        f'{_distinct(run.record["images"] for run in runs)} images',
        f'commit {_distinct((run.commit or "?")[:7] for run in runs)}',
    ]
    return ', '.join(parts)


def _distinct(values: Iterable[object]) -> str:
    return ' / '.join(dict.fromkeys(str(v) for v in values))


def table_line(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f'| {" | ".join(cells)} |'
