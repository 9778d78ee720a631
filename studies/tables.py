# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tables of a study: their rows, the paper's figures and our configs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

PAPER_TABLES = Path(__file__).parent / 'published/paper_tables.json'
AVERAGE = 'Average'


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        id (str): Short name, unique in its table.
        name (str): What the reader sees.
        paper (Mapping[str, tuple[float, ...]]): The figures that the paper
            prints, percent, by dataset (and 'Average'), in the order of the
            table's metrics. Empty where there is no paper.
        configs (Mapping[str, str]): Config of the row by dataset, relative to
            the root of the checkout; empty where there is none.
        options (tuple[str, ...]): ``key=value`` changes of its configs.
    """

    id: str
    name: str
    paper: Mapping[str, tuple[float, ...]]
    configs: Mapping[str, str]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        id (str): Number or short name.
        title (str): What it compares.
        metrics (tuple[str, ...]): Scores per dataset, as in a result file.
        datasets (tuple[str, ...]): Its columns.
        average (bool): Whether a column averages over the datasets.
        rows (tuple[Row, ...]): Its rows.
        source (str | None): Where the paper's figures come from.
        costs (bool): Whether columns say what a run cost; for tables of one
            dataset and without a paper.
    """

    id: str
    title: str
    metrics: tuple[str, ...]
    datasets: tuple[str, ...]
    average: bool
    rows: tuple[Row, ...]
    source: str | None = None
    costs: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The datasets, then 'Average' where there is one."""
        return self.datasets + ((AVERAGE,) if self.average else ())


@dataclass(frozen=True)
class Cell:
    """A row on one dataset: what can be trained and tested.

    Attributes:
        name (str): 'table/row/dataset'.
        config (str): The config, relative to the root of the checkout.
        options (tuple[str, ...]): ``key=value`` changes of it.
    """

    name: str
    config: str
    options: tuple[str, ...] = ()


def load_tables(path: str | Path = PAPER_TABLES) -> tuple[Table, ...]:
    """Read a file of tables.

    Args:
        path (str | Path): JSON with 'source' (optional), 'models' (configs by
            dataset, by model) and 'tables'; a row names its model or carries
            its own 'configs'. 'options' of a table change the configs of its
            rows; a row may have its own. Default: the tables of the
            AerOSeg paper.

    Returns:
        tuple[Table, ...]: The tables in their order.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a row names an unknown model, or its figures do not fit
            the metrics.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'no table file {path}; the tables of the paper are in '
            f'{PAPER_TABLES}'
        )
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        models = content.get('models', {})
        return tuple(
            _table(entry, models, content.get('source'), path)
            for entry in content['tables']
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is no file of tables: {error!r}; see {PAPER_TABLES}'
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is no JSON file: {error}') from error


def select_cells(
    tables: Iterable[Table], patterns: Iterable[str]
) -> list[Cell]:
    """Cells that have a config and match a pattern.

    Args:
        tables (Iterable[Table]): The tables.
        patterns (Iterable[str]): Shell patterns for 'table/row/dataset';
            parts left out at the end match anything: '3', '3/config-b',
            '2/*/OEM'.

    Returns:
        list[Cell]: In the order of the tables; a config stands once, under
        its first name.

    Raises:
        ValueError: If a pattern matches no cell with a config.
    """
    cells = [
        Cell(
            f'{table.id}/{row.id}/{dataset}',
            row.configs[dataset],
            row.options,
        )
        for table in tables
        for row in table.rows
        for dataset in table.datasets
        if dataset in row.configs
    ]
    chosen: dict[str, Cell] = {}
    for pattern in patterns:
        fitting = [cell for cell in cells if _fits(cell.name, pattern)]
        if not fitting:
            raise ValueError(
                f'no row matches {pattern!r}; rows with a config are '
                f'{", ".join(cell.name for cell in cells) or "none"}'
            )
        for cell in fitting:
            chosen.setdefault(cell.config, cell)
    order = {cell.config: i for i, cell in reversed(list(enumerate(cells)))}
    return sorted(chosen.values(), key=lambda cell: order[cell.config])


def cells_without_config(tables: Iterable[Table]) -> list[str]:
    """Names 'table/row/dataset' of what cannot be run here.

    Args:
        tables (Iterable[Table]): The tables.
    """
    return [
        f'{table.id}/{row.id}/{dataset}'
        for table in tables
        for row in table.rows
        for dataset in table.datasets
        if dataset not in row.configs
    ]


def _fits(name: str, pattern: str) -> bool:
    parts = pattern.split('/')
    names = name.split('/')
    return len(parts) <= len(names) and all(map(fnmatchcase, names, parts))


def _table(
    entry: dict[str, Any],
    models: dict[str, dict[str, str]],
    source: str | None,
    path: Path,
) -> Table:
    metrics = tuple(entry['metrics'])
    rows = []
    for row in entry['rows']:
        model = row.get('model')
        if model is not None and model not in models:
            raise ValueError(
                f'{path}: table {entry["id"]}, row {row["id"]} names the '
                f'model {model!r}; known are {sorted(models)}'
            )
        paper = {k: tuple(v) for k, v in row.get('paper', {}).items()}
        if any(
            len(figures) != len(metrics)
            or not all(isinstance(f, int | float) for f in figures)
            for figures in paper.values()
        ):
            raise ValueError(
                f'{path}: table {entry["id"]}, row {row["id"]} must have '
                f'{len(metrics)} figures per dataset: {", ".join(metrics)}'
            )
        configs = row.get('configs') or models.get(model or '', {})
        options = tuple(row.get('options', entry.get('options', ())))
        rows.append(Row(row['id'], row['name'], paper, configs, options))
    costs = entry.get('costs', False)
    if costs and (len(entry['datasets']) > 1 or any(r.paper for r in rows)):
        raise ValueError(
            f'{path}: table {entry["id"]} has costs; only a table of one '
            'dataset without figures of a paper can have them'
        )
    return Table(
        id=entry['id'],
        title=entry['title'],
        metrics=metrics,
        datasets=tuple(entry['datasets']),
        average=entry.get('average', False),
        rows=tuple(rows),
        source=source,
        costs=costs,
    )
