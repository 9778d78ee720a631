# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cut your own images and masks into tiles."""

import shutil
import sys
from pathlib import Path

from _command import make_parser, run

from aeroseg.datasets.converters import FolderConverter
from aeroseg.files import atomic_path
from aeroseg.window_starts import END_RULES


def main() -> int:
    """Read the command line and convert."""
    parser = make_parser(__doc__)
    parser.add_argument(
        '--names',
        required=True,
        help='text file: "name, synonym [seen] [#RRGGBB]" per line',
    )
    parser.add_argument(
        '--masks',
        choices=('ids', 'colours'),
        default='ids',
        help='kind of masks',
    )
    parser.add_argument(
        '--ignore-colours',
        nargs='+',
        default=(),
        metavar='#RRGGBB',
        help='colours of ignored pixels',
    )
    parser.add_argument('--image-dir', default='images', help='folder name')
    parser.add_argument('--mask-dir', default='masks', help='folder name')
    parser.add_argument(
        '--val',
        nargs='+',
        default=(),
        metavar='BEGINNING',
        help='scenes for validation by the beginning of their path',
    )
    parser.add_argument(
        '--val-share', type=float, default=0.2, help='drawn without --val'
    )
    parser.add_argument('--seed', type=int, default=0, help='of that draw')
    parser.add_argument('--size', type=int, default=256, help='tile side, px')
    parser.add_argument(
        '--rule',
        choices=END_RULES,
        default='pad',
        help='for the remainder at edges',
    )
    options = vars(parser.parse_args())
    out, workers = options.pop('out'), options.pop('workers')
    status = run(lambda: FolderConverter(**options), out, workers)
    if status == 0:
        with atomic_path(Path(out) / 'names.txt') as part:
            shutil.copyfile(options['names'], part)
    return status


if __name__ == '__main__':
    sys.exit(main())
