# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Split DLRSD into train and val."""

from _command import make_parser, run, seed

from aeroseg.datasets.converters import DLRSDConverter
from aeroseg.datasets.converters.dlrsd import SPLITS


def main() -> None:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--split',
        choices=SPLITS,
        default='dedup',
        help='every image once, or one copy per class in it as published',
    )
    parser.add_argument('--seed', type=seed, default=0, help='of the split')
    run(DLRSDConverter, parser)


if __name__ == '__main__':
    main()
