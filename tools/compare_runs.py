# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Say whether one run is better than another: the paired difference.

Both runs are tests with `tools/test.py --report full` over the same images.
Images are drawn again 1,000 times, the same for both runs, so what is hard
for both does not widen the interval.

Examples:
  python tools/test.py CONFIG_A CHECKPOINT_A --report full --work-dir a
  python tools/test.py CONFIG_B CHECKPOINT_B --report full --work-dir b
  python tools/compare_runs.py a b                  # b minus a
  python tools/compare_runs.py a b --out difference.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.evaluation.report import (
    ImageCounts,
    compare_reports,
    find_counts,
    format_interval,
)
from aeroseg.evaluation.score_table import render_table
from aeroseg.files import atomic_path


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'first', help='folder of the first report, or the work dir around it'
    )
    parser.add_argument('second', help='folder of the second report')
    parser.add_argument(
        '--replicates',
        type=integer(100, 1_000_000),
        default=1000,
        metavar='N',
        help='how often the images are drawn again; default: 1000',
    )
    parser.add_argument(
        '--out', type=Path, metavar='FILE', help='write a JSON file as well'
    )
    return parser.parse_args()


def difference_table(result: dict[str, Any]) -> str:
    """A line per mean, in points of percent."""
    table = Table(box=box.ASCII2)
    table.add_column(f'second - first, {result["images"]} images')
    kinds = [kind for kind in ('IoU', 'boundary_IoU') if kind in result]
    for kind in kinds:
        name = kind.replace('_', ' ')
        table.add_column(f'{name} [95 %]', justify='right')
        table.add_column('draws above 0', justify='right')
    for name in result['IoU']:
        cells = []
        for kind in kinds:
            row = result[kind][name]
            cells += [format_interval(row), f'{100 * row["above"]:.1f} %']
        table.add_row(name, *cells)
    return render_table(table)


def main() -> None:
    """Compare two runs."""
    args = parse_args()
    files = [find_counts(folder) for folder in (args.first, args.second)]
    first, second = (ImageCounts.read(path) for path in files)
    result = compare_reports(first, second, args.replicates)
    result['first'], result['second'] = map(str, files)
    if args.out:
        with atomic_path(args.out) as part:
            part.write_text(json.dumps(result, indent=1) + '\n')
    print(difference_table(result))


if __name__ == '__main__':
    run_tool(main)
