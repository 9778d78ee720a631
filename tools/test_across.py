# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Test one model on several datasets, each with its own vocabulary.

Prints one table of mIoU, mACC and fwIoU, and marks the words that the
training had too; writes a result file per dataset, with the protocol.

Examples:
  python tools/test_across.py CONFIG CHECKPOINT --protocol ovrsisbench-v1 \
--data loveda potsdam udd5
  python tools/test_across.py CONFIG CHECKPOINT --data loveda=/data/LoveDA
  python tools/test_across.py configs/training_free/segearth-ov_vit-b16_isaid\
.py --protocol segearth-ov --data vdd    # needs no checkpoint
  python tools/test_across.py CONFIG CHECKPOINT --data udd5 \
--words udd5=words.txt
  python tools/test_across.py CONFIG CHECKPOINT --data udd5 \
--downloads udd5=downloads/UDD5    # converts and checks it first

A dataset is read from data/NAME, or from NAME=FOLDER.
"""

import argparse
from pathlib import Path

from mmengine.dist import barrier, is_main_process

from aeroseg.command_line import ToolParser, run_tool
from aeroseg.datasets.cross import BENCHMARKS, load_protocol, protocols
from aeroseg.datasets.cross.prepare import check, convert
from aeroseg.engine.across import (
    CrossTest,
    apply_protocol,
    datasets_of,
    run_across,
    trained_words,
)
from aeroseg.engine.launch import add_arguments, load_config, set_checkpoint
from aeroseg.evaluation.cross_table import cross_table, read_cross_score


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    add_arguments(parser)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; training-free models need none',
    )
    parser.add_argument(
        '--data',
        nargs='+',
        required=True,
        metavar='NAME[=FOLDER]',
        help=f'what to test on: {", ".join(BENCHMARKS)}',
    )
    parser.add_argument(
        '--downloads',
        nargs='+',
        default=[],
        metavar='NAME=FOLDER',
        help='official downloads, to be converted into the folders of --data',
    )
    parser.add_argument(
        '--protocol',
        choices=tuple(protocols()),
        default='own',
        help='words, parts, size and windows; default: own, the class names '
        'of each set at the size of the config',
    )
    parser.add_argument(
        '--words',
        nargs='+',
        default=[],
        metavar='NAME=FILE',
        help='other words for a set: a text file with a line per class',
    )
    parser.add_argument(
        '--splits',
        nargs='+',
        metavar='PART',
        help='score these parts of every set, such as val',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='folder of the result files; default: <work dir>/across',
    )
    return parser.parse_args()


def main() -> None:
    """Test on every dataset and print the table."""
    args = parse_args()
    tests = chosen_tests(args)
    protocol = load_protocol(args.protocol)
    config = load_config(args)
    set_checkpoint(config, args.checkpoint)
    apply_protocol(config, protocol)
    downloads = pairs('--downloads', args.downloads)
    if is_main_process():
        for test in tests:
            prepare(test, protocol.name, downloads.get(test.benchmark))
    barrier()
    trained = trained_words(config, args.checkpoint)
    datasets = datasets_of(config, protocol, tests, trained)
    out = Path(args.out or Path(config.work_dir) / 'across')
    results = [
        read_cross_score(path) for path in run_across(config, datasets, out)
    ]
    if is_main_process():
        print(f'\n{protocol.title}\n{cross_table(results)}')
        print(f'results: {out}')


def prepare(test: CrossTest, protocol: str, download: str | None) -> None:
    """Convert a download, if one is given, and check a sample of the labels.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If the data have a fault.
    """
    if download is not None:
        print(f'{test.benchmark}: converting {download}')
        for sentence in convert(
            test.benchmark, download, test.data_root, protocol
        ):
            print(f'- {sentence}')
    if Path(test.data_root).is_dir():  # else the dataset says what is missing
        for sentence in check(test.data_root):
            print(f'{test.benchmark}: {sentence}')


def chosen_tests(args: argparse.Namespace) -> list[CrossTest]:
    """The datasets that the command line names.

    Raises:
        ValueError: If a name is unknown or given twice, or words are given
            for a set that is not tested.
    """
    folders = pairs('--data', args.data)
    words = pairs('--words', args.words)
    downloads = pairs('--downloads', args.downloads)
    options = {'--data': folders, '--words': words, '--downloads': downloads}
    for option, names in options.items():
        unknown = [name for name in names if name not in BENCHMARKS]
        if unknown:
            raise ValueError(
                f'{option} {unknown[0]}: no such test set; known are '
                f'{", ".join(BENCHMARKS)}'
            )
        unused = [name for name in names if name not in folders]
        if unused:
            raise ValueError(
                f'{option} {unused[0]}: it is not among the sets of --data, '
                f'{", ".join(folders)}'
            )
    splits = None if args.splits is None else tuple(args.splits)
    return [
        CrossTest(name, folder or f'data/{name}', words.get(name), splits)
        for name, folder in folders.items()
    ]


def pairs(option: str, given: list[str]) -> dict[str, str]:
    """NAME=PATH by name; the path is empty where --data leaves it out.

    Raises:
        ValueError: If a name is given twice or a path is missing.
    """
    found: dict[str, str] = {}
    for word in given:
        name, _, path = word.partition('=')
        if name in found:
            raise ValueError(f'{option}: {name} is given twice')
        if option != '--data' and not path:
            raise ValueError(f'{option} {word}: give it as NAME=PATH')
        found[name] = path
    return found


if __name__ == '__main__':
    run_tool(main, 'Results of finished datasets are kept.')
