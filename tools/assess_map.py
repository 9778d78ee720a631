# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Unbiased areas and accuracies of a map, with 95 % intervals.

The area that a map shows is biased by its errors. Label some random points,
and this tool says how large each class really is and how far the map can be
trusted (Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015):

  1. plan      how many points, and how many in each class
  2. sample    draw them; writes a GeoPackage to label in QGIS
  3. estimate  read the labels; writes areas.csv, error_matrix.csv,
               assessment.json and assessment.png

Examples:
  python tools/assess_map.py plan out/labels.tif
  python tools/assess_map.py plan out/labels.tif --margin 3 --at-least 75
  python tools/assess_map.py sample out/labels.tif points.gpkg
  python tools/assess_map.py sample out/labels.tif points.gpkg --points 400
  python tools/assess_map.py estimate out/labels.tif points.gpkg --out areas
"""

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from aeroseg.command_line import ToolParser, integer, number, run_tool
from aeroseg.evaluation.score_table import render_table
from aeroseg.mapping.assessment.assessment_files import (
    assess_points,
    write_assessment,
)
from aeroseg.mapping.assessment.label_map import LabelMap
from aeroseg.mapping.assessment.points_file import (
    check_target,
    read_points,
    write_points,
)
from aeroseg.mapping.assessment.strata import (
    Strata,
    draw_points,
    find_strata,
    plan_points,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    steps = parser.add_subparsers(
        dest='step', required=True, parser_class=ToolParser, metavar='STEP'
    )
    plan, sample, estimate = (
        steps.add_parser(name, help=text, description=__doc__)
        for name, text in (
            ('plan', 'print how many points are needed'),
            ('sample', 'draw points to be labelled'),
            ('estimate', 'read labelled points'),
        )
    )
    for step in (plan, sample, estimate):
        step.add_argument('labels', type=Path, help='the map, labels.tif')
    for step in (sample, estimate):
        step.add_argument('file', type=Path, help='the points, NAME.gpkg')
    for step in (plan, sample):
        add_numbers(step)
    sample.add_argument(
        '--seed',
        type=integer(0, 2**32 - 1),
        default=0,
        help='of the draws; default: 0',
    )
    estimate.add_argument(
        '--out',
        type=Path,
        metavar='DIR',
        help='folder for the results; default: the name of the points with '
        '_assessment',
    )
    estimate.add_argument(
        '--skip-unlabelled',
        action='store_true',
        help='leave points without a label out; right only if what could '
        'not be told is a matter of chance',
    )
    return parser.parse_args()


def add_numbers(parser: argparse.ArgumentParser) -> None:
    """Add what the number of points depends on."""
    parser.add_argument(
        '--points',
        type=integer(2, 1_000_000),
        metavar='N',
        help='points in all; default: as many as the margin asks for',
    )
    parser.add_argument(
        '--at-least',
        type=integer(2, 100_000),
        default=50,
        metavar='N',
        help='points of a rare class; default: 50',
    )
    parser.add_argument(
        '--margin',
        type=number(above=0, below=50),
        default=4.0,
        metavar='PERCENT',
        help='overall accuracy is to be known to so many points of percent, '
        'as half a 95 %% interval; default: 4',
    )
    parser.add_argument(
        '--expected-accuracy',
        type=number(above=0, below=100),
        default=80.0,
        metavar='PERCENT',
        help="user's accuracy that you expect; default: 80",
    )


def plan(args: argparse.Namespace, labels: LabelMap) -> Any:
    """Strata and points per class; prints them."""
    strata = find_strata(labels)
    accuracy = args.expected_accuracy / 100
    numbers = plan_points(
        strata, args.points, args.at_least, accuracy, args.margin / 100
    )
    print(plan_table(labels, strata, numbers, accuracy))
    return strata, numbers


def plan_table(
    labels: LabelMap, strata: Strata, numbers: np.ndarray, accuracy: float
) -> str:
    """A line per class: its area, its points, what they will tell."""
    unit = 'hectares' if strata.in_hectares else 'pixels'
    table = Table(box=box.ASCII2)
    for name in ('class', unit, 'share', 'points', "user's accuracy to"):
        justify = 'left' if name == 'class' else 'right'
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    total = strata.areas.sum()
    for index in np.flatnonzero(strata.pixels):
        spread = accuracy * (1 - accuracy) / max(numbers[index] - 1, 1)
        spread *= 1 - numbers[index] / strata.pixels[index]
        table.add_row(
            labels.names[index],
            f'{strata.areas[index]:,.2f}',
            f'{100 * strata.areas[index] / total:.2f} %',
            str(numbers[index]),
            f'± {196 * math.sqrt(spread):.1f} %',
        )
    table.add_section()
    table.add_row('all', f'{total:,.2f}', '100 %', str(numbers.sum()), '')
    return render_table(table)


def sample(args: argparse.Namespace, labels: LabelMap) -> None:
    """Draw the points."""
    check_target(args.file)
    strata, numbers = plan(args, labels)
    points = draw_points(labels, strata, numbers, args.seed)
    write_points(args.file, labels, points, args.seed)
    print(
        f'{args.file}: {len(points.row)} points. Open it in QGIS over your '
        'scene, without the map, and fill in "label": the name of the class '
        f'({", ".join(labels.names)}), or "other". Then:\n'
        f'python tools/assess_map.py estimate {args.labels} {args.file}'
    )


def estimate(args: argparse.Namespace, labels: LabelMap) -> None:
    """Read the labels and write the areas."""
    points, words = read_points(args.file, labels)
    empty = words.count('')
    if empty and not args.skip_unlabelled:
        raise ValueError(
            f'{args.file}: {empty} of {len(words)} points have no label, the '
            f'first is point {words.index("") + 1}; label them, or leave them '
            'out with --skip-unlabelled'
        )
    default = args.file.with_name(f'{args.file.stem}_assessment')
    folder = args.out or default
    result = assess_points(labels, find_strata(labels), points, words)
    write_assessment(result, labels, folder)
    print(result_table(result))
    if empty:
        print(f'{empty} points without a label were left out.')
    print(f'The results are in {folder}')


def result_table(result: dict[str, Any]) -> str:
    """A line per class, and the overall accuracy."""
    unit = result['unit']
    table = Table(box=box.ASCII2)
    table.add_column('class')
    for name in (
        f'mapped, {unit}',
        f'estimated, {unit} [95 %]',
        "user's accuracy, % [95 %]",
        "producer's accuracy, % [95 %]",
        'points',
    ):
        table.add_column(name, justify='right')
    for row in result['classes']:
        table.add_row(
            row['class'],
            f'{row["mapped"]:,.2f}',
            f'{row["estimated"]:,.2f} [{row["low"]:,.2f}, {row["high"]:,.2f}]',
            _accuracy(row, 'users'),
            _accuracy(row, 'producers'),
            str(row['points']),
        )
    overall = _accuracy(result, 'overall')
    return f'{render_table(table)}\nOverall accuracy, %: {overall}'


def _accuracy(row: dict[str, Any], name: str) -> str:
    value = row[f'{name}_accuracy']
    low, high = row[f'{name}_low'], row[f'{name}_high']
    return '-' if math.isnan(value) else f'{value:.1f} [{low:.1f}, {high:.1f}]'


def main() -> None:
    """Plan, sample or estimate."""
    args = parse_args()
    labels = LabelMap(args.labels)
    {'plan': plan, 'sample': sample, 'estimate': estimate}[args.step](
        args, labels
    )


if __name__ == '__main__':
    run_tool(main)
