# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the commands of all converters share."""

import argparse
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from aeroseg.datasets.converters import Conversion, Converter

console = Console()


def make_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the arguments that every converter takes."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        'source',
        nargs='+',
        help='folders or archives (.zip, .tar) of the download',
    )
    parser.add_argument('out', help='folder to write to')
    parser.add_argument(
        '--workers', type=int, help='processes; default: one per core'
    )
    return parser


def convert(converter: Converter, out: str, workers: int | None) -> int:
    """Run a conversion with a progress bar and print a summary.

    Returns:
        int: Exit status.
    """
    conversion = Conversion(converter, out, workers)
    total, left = len(conversion.scenes), len(conversion.todo)
    if left < total:
        console.print(f'{total - left} of {total} scenes are done already')
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('scenes, {task.fields[tiles]:,} tiles'),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task('', total=left, tiles=0)
        tiles = 0
        for record in conversion.run():
            tiles += len(record['tiles'])
            progress.update(task, advance=1, tiles=tiles)
    _show(conversion.finish())
    console.print(f'wrote {out} (record: manifest.json, tiles.jsonl)')
    return 0


def run(converter: Any, out: str, workers: int | None) -> int:
    """Like :func:`convert`; an error in the data ends with one message."""
    try:
        return convert(converter(), out, workers)
    except (ValueError, OSError, RuntimeError) as error:
        console.print(f'[red]error:[/red] {error}', highlight=False)
        return 1


def _show(summary: dict[str, Any]) -> None:
    for name, split in summary['splits'].items():
        table = Table(title=f'{name}: {split["tiles"]:,} tiles')
        table.add_column('class')
        for column in ('pixels', 'tiles with it'):
            table.add_column(column, justify='right')
        for label, pixels in split['pixels'].items():
            tiles = split['tiles_with'][label]
            table.add_row(label, f'{pixels:,}', f'{tiles:,}')
        console.print(table)
    for sentence in summary['report']:
        console.print(f'- {sentence}', highlight=False)
