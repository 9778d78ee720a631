# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scores of many runs of the demo: `tools/demo.py --table FOLDER`."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

COLUMNS = ('s-mIoU', 'u-mIoU', 'h-mIoU')


def print_table(folder: Path) -> None:
    """Mean and standard deviation over the seeds of every config."""
    runs = defaultdict(list)
    for path in sorted(folder.glob('*/*/scores.json')):
        for way, config, row in read_scores(path):
            runs[config, way].append(row)
    if not runs:
        raise ValueError(
            f'{folder} holds no CONFIG/seed_N/scores.json of this tool; give '
            'the --work-dir of its runs'
        )
    for (config, way), rows in sorted(runs.items()):
        cells = [_cell([row[column] for row in rows]) for column in COLUMNS]
        print(f'{config:34}{way:15}{len(rows)} seeds  ' + '  '.join(cells))


def read_scores(path: Path) -> list[tuple[str, str, dict[str, float]]]:
    """Way of labelling, config and scores of one run.

    Raises:
        ValueError: If the file is damaged or of another tool.
    """
    try:
        run = json.loads(path.read_text(encoding='utf-8'))
        rows = [
            (way, str(run['config']), dict(run['rows'][way]))
            for way in ('trained', 'turned scenes', 'wrong names', 'untrained')
        ]
        # Numbers, or the table cannot be made.
        _ = [float(row[column]) for *_, row in rows for column in COLUMNS]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is not the result of a run of this tool, or is damaged '
            f'({error!r}); delete it, or score again'
        ) from error
    return rows


def _cell(values: Sequence[float]) -> str:
    spread = np.std(values, ddof=1) if len(values) > 1 else float('nan')
    return f'{np.mean(values):6.2f} +- {spread:4.2f}'
