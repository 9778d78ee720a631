# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cut OpenEarthMap into tiles."""

import sys

from _command import make_parser, run

from aeroseg.datasets.converters import OpenEarthMapConverter
from aeroseg.window_starts import END_RULES


def main() -> int:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument('--train-list', help='train.txt outside the source')
    parser.add_argument('--val-list', help='val.txt outside the source')
    parser.add_argument('--size', type=int, default=256, help='tile side, px')
    parser.add_argument(
        '--rule',
        choices=END_RULES,
        default='drop',
        help='for the remainder at edges',
    )
    parser.add_argument(
        '--without-xbd',
        action='store_true',
        help='leave out listed scenes that have no image',
    )
    args = parser.parse_args()
    lists = {'train': args.train_list, 'val': args.val_list}
    return run(
        lambda: OpenEarthMapConverter(
            args.source,
            {split: path for split, path in lists.items() if path},
            args.size,
            args.rule,
            args.without_xbd,
        ),
        args.out,
        args.workers,
    )


if __name__ == '__main__':
    sys.exit(main())
