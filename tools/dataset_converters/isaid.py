# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cut iSAID into tiles, or use ready-made tiles."""

from collections.abc import Sequence
from typing import Any

from _command import make_parser, run, tile_side

from aeroseg.command_line import integer
from aeroseg.datasets.converters import ISAIDConverter


def main() -> None:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--list',
        nargs=2,
        metavar=('TRAIN', 'VAL'),
        help='published lists of tiles; exactly these are made',
    )
    parser.add_argument(
        '--size', type=tile_side, default=256, help='tile side, px'
    )
    parser.add_argument(
        '--stride',
        type=integer(1),
        default=206,
        help='distance between tiles, px',
    )
    parser.add_argument(
        '--min-pixels',
        type=integer(0),
        default=2048,
        help='keep a tile if some class has at least so many pixels',
    )
    parser.add_argument(
        '--skip-missing',
        action='store_true',
        help='leave out masks that have no image',
    )
    run(make, parser)


def make(list: Sequence[str] | None, **options: Any) -> ISAIDConverter:
    """The converter with the lists that were given."""
    lists = dict(zip(('train', 'val'), list or (), strict=False))
    return ISAIDConverter(lists=lists, **options)


if __name__ == '__main__':
    main()
