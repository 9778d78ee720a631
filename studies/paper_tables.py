# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
r"""Print the tables of the paper with our figures, or run missing rows.

    studies/paper_tables.py work_dirs                      # Markdown
    studies/paper_tables.py work_dirs --csv                # CSV
    studies/paper_tables.py work_dirs --run 3 6/sam2 --seeds 0 1 2
    studies/paper_tables.py work_dirs/world \
        --tables configs/demo/systems/tables.json --run '*' --seeds 0 1 2 \
        --into docs/world.md --records docs/results/world
    studies/paper_tables.py work_dirs --protocol cross     # other papers

Rows are named table/row/dataset; parts left out at the end match anything,
and '*' matches any part: 2/*/OEM. --list shows them all.
"""

import argparse
import shlex
import sys
from pathlib import Path

from cross_tables import cross_csv, cross_markdown, own_rows, published_rows
from pages import fill_page, write_records
from row_runner import Launcher, plan, run_job
from runs import find_runs
from table_writer import to_csv, to_markdown
from tables import (
    PAPER_TABLES,
    cells_without_config,
    load_tables,
    select_cells,
)

from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.files import atomic_path

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = Path('work_dirs')


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = ToolParser(__doc__)
    add = parser.add_argument
    add('work_dirs', nargs='*', help='where runs are; default: work_dirs')
    add(
        '--protocol',
        choices=('seen-unseen', 'cross'),
        default='seen-unseen',
        help='cross: published cross-dataset results, each protocol in a '
        'table of its own, and results of tools/test_across.py',
    )
    add('--tables', default=PAPER_TABLES, help='JSON file of other tables')
    add('--csv', action='store_true', help='CSV instead of Markdown')
    add('--out', type=Path, help='write here instead of printing')
    add('--into', type=Path, help='write between the markers of this page')
    add('--records', type=Path, help='copy the result files here')
    add('--checkpoint', choices=('last', 'best'), default='last')
    add('--mode', help='only results of this inference mode')
    add('--list', action='store_true', help='print rows and configs')
    add('--run', nargs='+', metavar='ROW', help='train and test these first')
    seed = integer(0, 2**32 - 1)
    add('--seeds', nargs='+', type=seed, default=[0], help='with --run')
    add('--launcher', default='none', choices=('none', 'pytorch', 'slurm'))
    processes = integer(1)
    add('--processes', type=processes, default=1, help='of --launcher pytorch')
    add('--launcher-args', default='', help='for torchrun or srun, quoted')
    add('--cfg-options', nargs='+', default=[], help='changes of all configs')
    add('--dry-run', action='store_true', help='print commands, run nothing')
    return parser.parse_args()


def run_rows(args: argparse.Namespace) -> None:
    """Run what has no result, in the first of the work dirs."""
    cells = select_cells(load_tables(args.tables), args.run)
    launcher = Launcher(args.launcher, args.processes, args.launcher_args)
    folder = Path(args.work_dirs[0]) if args.work_dirs else DEFAULT
    jobs = plan(cells, args.seeds, folder, args.cfg_options)
    for job in jobs:
        again = job.seed != args.seeds[0]
        if again and job.checkpoint(ROOT) is None:
            continue  # without training, a seed changes nothing
        if job.is_done(ROOT):
            print(f'# {job.cell.name}, seed {job.seed}: done', file=sys.stderr)
        elif args.dry_run:
            print(f'# {job.cell.name}, seed {job.seed}')
            for command in job.commands(ROOT, launcher):
                print(shlex.join(command))
        else:
            run_job(job, ROOT, launcher)


def main() -> int:
    """Read the command line and run it."""
    args = parse_args()
    if args.protocol == 'cross':
        return write(cross_text(args), args.out)
    tables = load_tables(args.tables)
    if args.list:
        for cell in select_cells(tables, ['*']):
            print(f'{cell.name:28} {cell.config}')
        for name in cells_without_config(tables):
            print(f'{name:28} no config')
        return 0
    if args.run:
        run_rows(args)
        if args.dry_run:
            return 0
    # A fresh checkout has no runs: the tables are then all blanks.
    folders = args.work_dirs or [DEFAULT] * DEFAULT.is_dir()
    runs = find_runs(folders, args.checkpoint, args.mode)
    if args.records is not None:
        write_records(runs, args.records, ROOT)
    if args.into is not None:
        fill_page(args.into, tables, runs)
        return 0
    text = (to_csv if args.csv else to_markdown)(tables, runs)
    return write(text, args.out)


def cross_text(args: argparse.Namespace) -> str:
    """The cross-dataset tables.

    Raises:
        ValueError: If rows are to be run, which are those of the paper.
    """
    if args.run or args.list:
        raise ValueError(
            '--protocol cross only prints; run tools/test_across.py for a '
            'row, and leave out --run and --list'
        )
    folders = args.work_dirs or [DEFAULT] * DEFAULT.is_dir()
    rows = [*published_rows(), *own_rows(folders)]
    return (cross_csv if args.csv else cross_markdown)(rows)


def write(text: str, out: Path | None) -> int:
    """Print a text, or write it into a file; returns the exit status."""
    if out is None:
        print(text, end='')
        return 0
    with atomic_path(out) as part:
        part.write_text(text, encoding='utf-8')
    return 0


if __name__ == '__main__':
    run_tool(main, 'Finished rows and checkpoints are kept.')
