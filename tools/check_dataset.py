# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Check a dataset: every pair, every class, and what the splits share.

Examples:
  python tools/check_dataset.py configs/aeroseg/\
aeroseg_vit-b16_sam-l_1xb4-15k_openearthmap-384x384.py
  python tools/check_dataset.py data/openearthmap
  python tools/check_dataset.py data/own --names names.txt

The exit status is 1 if there is an error, else 0.
"""

import argparse
import os
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.datasets.checking import DatasetCheck, Finding
from aeroseg.datasets.checking.sheet import draw_sheet
from aeroseg.datasets.checking.splits import splits_of

_STYLE = {'error': 'red', 'warning': 'yellow', 'note': 'cyan'}
console = Console()


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('source', help='config file or folder of a dataset')
    parser.add_argument(
        '--names', help='names.txt of a folder that was not converted here'
    )
    parser.add_argument(
        '--sample',
        type=integer(1),
        help='check only so many pairs of each split',
    )
    parser.add_argument(
        '--sheet',
        default='contact_sheet.png',
        help='picture to draw; default: contact_sheet.png. "" draws none',
    )
    parser.add_argument(
        '--tiles',
        type=integer(1),
        default=16,
        help='pairs on the sheet per split',
    )
    parser.add_argument(
        '--workers', type=integer(1), default=os.cpu_count(), help='processes'
    )
    return parser.parse_args()


def main() -> int:
    """Check, print, draw; returns the exit status."""
    args = parse_args()
    check = DatasetCheck(splits_of(args.source, args.names), args.sample)
    if args.sheet:
        check_sheet(check, args)
    for _ in track(
        check.run(args.workers), 'reading', len(check), console=console
    ):
        pass
    findings = check.findings()
    show(check, findings)
    if args.sheet:
        draw_sheet(check, args.sheet, args.tiles)
        say(f'contact sheet: {args.sheet}')
    return int(any(f.level == 'error' for f in findings))


def check_sheet(check: DatasetCheck, args: argparse.Namespace) -> None:
    """Refuse a picture that would replace data, or that cannot be drawn.

    Raises:
        ValueError: If it lies in a folder of images or labels, replaces the
            source, or has an unknown ending.
    """
    sheet = Path(args.sheet).resolve()
    if sheet.suffix.lower() not in ('.png', '.jpg', '.jpeg', '.tif', '.webp'):
        raise ValueError(
            f'--sheet {args.sheet}: unknown ending; write .png or .jpg'
        )
    data = {
        Path(info[key]).resolve().parent
        for infos in check.infos.values()
        for info in infos
        for key in ('img_path', 'seg_map_path')
    }
    if sheet.parent in data or sheet == Path(args.source).resolve():
        raise ValueError(
            f'--sheet {args.sheet} lies between the images or labels of the '
            'dataset; choose another place'
        )


def show(check: DatasetCheck, findings: list[Finding]) -> None:
    """Print a table per split and the findings."""
    for split, rows in check.table().items():
        number = len(check.pairs[split])
        table = Table(title=f'{split}: {number:,} pairs')
        table.add_column('class')
        for column in ('pixels', 'share', 'images with it'):
            table.add_column(column, justify='right')
        total = max(sum(pixels for pixels, _ in rows.values()), 1)
        for label, (pixels, images) in rows.items():
            share = f'{100 * pixels / total:.2f} %'
            table.add_row(Text(label), f'{pixels:,}', share, f'{images:,}')
        console.print(table)
    for finding in findings:
        say(f' {finding}', finding.level)
    if not findings:
        console.print('no fault found')


def say(sentence: str, level: str = '') -> None:
    """Print words of users as they are, without rich's markup."""
    start = (f'{level}:', _STYLE[level]) if level else ''
    console.print(Text.assemble(start, sentence), soft_wrap=True)


if __name__ == '__main__':
    run_tool(main)
