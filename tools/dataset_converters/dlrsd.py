# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Split DLRSD into train and val."""

import sys

from _command import make_parser, run

from aeroseg.datasets.converters import DLRSDConverter
from aeroseg.datasets.converters.dlrsd import SPLITS


def main() -> int:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--split',
        choices=SPLITS,
        default='dedup',
        help='every image once, or one copy per class in it as published',
    )
    parser.add_argument('--seed', type=int, default=0, help='of the split')
    args = parser.parse_args()
    return run(
        lambda: DLRSDConverter(args.source, args.split, args.seed),
        args.out,
        args.workers,
    )


if __name__ == '__main__':
    sys.exit(main())
