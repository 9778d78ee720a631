# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Convert a test set of the cross-dataset protocols.

Examples:
  python tools/dataset_converters/cross.py loveda DOWNLOADS data/loveda
  python tools/dataset_converters/cross.py uavid DOWNLOADS data/uavid_tiles \
--tile 1280 1080

iSAID in tiles of 256 px, DLRSD and OpenEarthMap have commands of their own.
"""

from collections.abc import Sequence
from typing import Any

from _command import make_parser, run

from aeroseg.command_line import integer
from aeroseg.datasets.cross import BenchmarkConverter
from aeroseg.datasets.cross.converter import CONVERTED


def main() -> None:
    """Read the command line and convert."""
    parser = make_parser(__doc__, first=('benchmark', CONVERTED))
    parser.add_argument(
        '--tile',
        type=integer(0, 16384),
        nargs=2,
        metavar=('WIDTH', 'HEIGHT'),
        help='size of the tiles, px; 0 0 for whole images; default: as the '
        'set is published',
    )
    parser.add_argument(
        '--ignore-unknown',
        action='store_true',
        help='ignore pixels of a colour that no class has, and count them',
    )
    run(make, parser)


def make(tile: Sequence[int] | None, **options: Any) -> BenchmarkConverter:
    """The converter with the tiles that were given."""
    size = None if tile is None else (tile[0], tile[1])
    return BenchmarkConverter(tile=size, **options)


if __name__ == '__main__':
    main()
