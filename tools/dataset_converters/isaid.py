# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cut iSAID into tiles, or use ready-made tiles."""

import sys

from _command import make_parser, run

from aeroseg.datasets.converters import ISAIDConverter


def main() -> int:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--list',
        nargs=2,
        metavar=('TRAIN', 'VAL'),
        help='published lists of tiles; exactly these are made',
    )
    parser.add_argument('--size', type=int, default=256, help='tile side, px')
    parser.add_argument(
        '--stride', type=int, default=206, help='distance between tiles, px'
    )
    parser.add_argument(
        '--min-pixels',
        type=int,
        default=2048,
        help='keep a tile if some class has at least so many pixels',
    )
    parser.add_argument(
        '--skip-missing',
        action='store_true',
        help='leave out masks that have no image',
    )
    args = parser.parse_args()
    lists = dict(zip(('train', 'val'), args.list or (), strict=False))
    return run(
        lambda: ISAIDConverter(
            args.source,
            lists,
            args.size,
            args.stride,
            args.min_pixels,
            args.skip_missing,
        ),
        args.out,
        args.workers,
    )


if __name__ == '__main__':
    sys.exit(main())
