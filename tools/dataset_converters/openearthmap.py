# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cut OpenEarthMap into tiles."""

from typing import Any

from _command import make_parser, run, tile_side

from aeroseg.datasets.converters import OpenEarthMapConverter
from aeroseg.window_starts import END_RULES


def main() -> None:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument('--train-list', help='train.txt outside the source')
    parser.add_argument('--val-list', help='val.txt outside the source')
    parser.add_argument(
        '--size', type=tile_side, default=256, help='tile side, px'
    )
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
    run(make, parser)


def make(
    train_list: str | None, val_list: str | None, **options: Any
) -> OpenEarthMapConverter:
    """The converter with the lists that were given."""
    lists = {'train': train_list, 'val': val_list}
    given = {split: path for split, path in lists.items() if path}
    return OpenEarthMapConverter(lists=given, **options)


if __name__ == '__main__':
    main()
