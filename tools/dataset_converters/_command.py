# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the commands of all converters share."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.datasets.converters import Conversion, Converter

# A tile is cut in memory and written as one picture.
tile_side = integer(1, 16384)
seed = integer(0)
console = Console()


def make_parser(
    description: str | None, first: tuple[str, Sequence[str]] | None = None
) -> ToolParser:
    """A parser with the arguments that every converter takes.

    Args:
        description (str): What the command does.
        first (tuple[str, Sequence[str]], optional): Name and choices of an
            argument before the others.
    """
    parser = ToolParser(
        description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    if first is not None:
        parser.add_argument(first[0], choices=first[1], help='name of the set')
    parser.add_argument(
        'source',
        nargs='+',
        help='folders or archives (.zip, .tar) of the download',
    )
    parser.add_argument('out', help='folder to write to')
    parser.add_argument(
        '--workers', type=integer(1), help='processes; default: one per core'
    )
    parser.add_argument(
        '--allow-damaged',
        action='store_true',
        help='take what can be decoded of damaged images',
    )
    return parser


def run(make: Callable[..., Converter], parser: ToolParser) -> NoReturn:
    """Run the command and leave with its exit status.

    Args:
        make (Callable): Makes the converter from the arguments that are not
            those of every converter.
        parser (ToolParser): The parser of the command.
    """
    options = vars(parser.parse_args())
    options.pop('debug')
    shared = ('out', 'workers', 'allow_damaged')
    common = {name: options.pop(name) for name in shared}
    run_tool(
        lambda: convert(make(**options), **common),
        'Finished scenes are kept.',
    )


def convert(
    converter: Converter, out: str, workers: int | None, allow_damaged: bool
) -> int:
    """Run a conversion with a progress bar and print a summary.

    Returns:
        int: Exit status.
    """
    conversion = Conversion(converter, out, workers, allow_damaged)
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
    say(f'wrote {out} (record: manifest.json, tiles.jsonl)')
    return 0


def say(sentence: str) -> None:
    """Print words of users as they are, without rich's markup."""
    console.print(Text(sentence), soft_wrap=True)


def _show(summary: dict[str, Any]) -> None:
    for name, split in summary['splits'].items():
        table = Table(title=f'{name}: {split["tiles"]:,} tiles')
        table.add_column('class')
        for column in ('pixels', 'tiles with it'):
            table.add_column(column, justify='right')
        for label, pixels in split['pixels'].items():
            tiles = split['tiles_with'][label]
            table.add_row(Text(label), f'{pixels:,}', f'{tiles:,}')
        console.print(table)
    for sentence in summary['report']:
        say(f'- {sentence}')
