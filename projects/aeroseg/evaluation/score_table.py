# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scores as a table for the log and the terminal."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

_GROUPS = {True: 'seen', False: 'unseen', None: '-'}
_ABSENT = '{names}: no pixel in the ground truth, so nan and not in the means.'


def format_score(value: float) -> str:
    """A score in percent with two digits; 'nan' where there is none."""
    return 'nan' if math.isnan(value) else f'{value:.2f}'


def render_table(table: Table, width: int = 200) -> str:
    """Plain text of a rich table, without colours, for log files.

    Args:
        table (Table): The table.
        width (int): Characters per line at most.
    """
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None).print(table)
    return stream.getvalue().rstrip()


def score_table(
    classes: Sequence[Mapping[str, Any]],
    summary: Mapping[str, float],
    score_names: Sequence[str],
) -> str:
    """Draw the result of an evaluation.

    Args:
        classes (Sequence[Mapping]): Per class 'name', 'seen' (True, False or
            None), 'pixels', 'images' and one entry per score name.
        summary (Mapping[str, float]): Means in percent, by name.
        score_names (Sequence[str]): The per-class scores, such as 'IoU'.

    Returns:
        str: A table of the classes, seen ones first, a line on classes that
        could not be scored, and a table of the means.
    """
    table = Table(box=box.ASCII2)
    table.add_column('class')
    table.add_column('group')
    for name in (*score_names, 'pixels', 'images'):
        table.add_column(name, justify='right')
    groups = sorted({entry['seen'] for entry in classes}, key=str)
    for mark in reversed(groups):
        for entry in (c for c in classes if c['seen'] is mark):
            scores = [format_score(entry[name]) for name in score_names]
            counts = [f'{entry[name]:,}' for name in ('pixels', 'images')]
            table.add_row(entry['name'], _GROUPS[mark], *scores, *counts)
        table.add_section()
    parts = [render_table(table)]
    absent = [entry['name'] for entry in classes if not entry['pixels']]
    if absent:
        parts.append(_ABSENT.format(names=', '.join(absent)))
    means = Table(*summary, box=box.ASCII2)
    means.add_row(*map(format_score, summary.values()))
    return '\n'.join([*parts, render_table(means)])
