# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Measure how visible the windows are in a prediction, per overlap.

Examples:
  python studies/measure_seams.py scene.tif --checkpoint CHECKPOINT \
--classes "building; road; tree" --size 1024

Prints, per overlap, the jump of the scores at window edges relative to the
jump elsewhere (1.0 is invisible), and the share of pixels that keep their
class when all windows are moved by a third of a window.
"""

from dataclasses import replace

import numpy as np
from seams import measure_seams

from aeroseg.apis import Predictor
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.mapping.reading.raster_source import RasterSource


def main() -> None:
    """Measure."""
    parser = ToolParser(__doc__)
    parser.add_argument('scene', help='image or GeoTIFF')
    parser.add_argument('--config', help='default: next to the checkpoint')
    parser.add_argument('--checkpoint', required=True)
    parser.add_argument('--classes', required=True, help='"road; tree"')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--gsd', type=float, metavar='METRES', help='as in tools/predict.py'
    )
    parser.add_argument(
        '--window', type=int, metavar='N', help="default: the config's"
    )
    parser.add_argument(
        '--size',
        type=int,
        default=1024,
        help='side of the middle part to measure, in pixels the model sees',
    )
    parser.add_argument(
        '--allow-damaged', action='store_true', help='as in tools/predict.py'
    )
    args = parser.parse_args()
    if args.size < 1:
        raise ValueError(f'--size {args.size} must be at least 1')
    predictor = Predictor(args.config, args.checkpoint, args.device)
    asked = predictor.ask(args.classes)
    with RasterSource(
        args.scene,
        gsd=args.gsd,
        scale=predictor.scale,
        allow_damaged=args.allow_damaged,
    ) as source:
        image = read_middle(source, args.size)
        notes = source.notes
    window = predictor.tiling.window if args.window is None else args.window
    tilings = [
        replace(
            predictor.tiling,
            window=window,
            overlap=window // fraction if fraction else 0,
            margin=None,
        )
        for fraction in (0, 8, 4, 2)
    ]
    for note in notes:
        print(note)
    print(
        f'{args.scene}: {image.shape[1]} x {image.shape[0]} pixels, '
        f'windows of {window}'
    )
    print('overlap  seam contrast  agreement')
    for tiling in tilings:
        found = measure_seams(asked, image, tiling, asked.scheme.num_scores)
        print(
            f'{tiling.shared:7d}  {found.contrast:13.2f}  '
            f'{100 * found.agreement:7.1f} %'
        )


def read_middle(source: RasterSource, size: int) -> np.ndarray:
    """The middle of a scene, (H, W, 3) uint8, no side over `size`.

    Raises:
        ValueError: If some of it holds no data.
    """
    height, width = (min(size, side) for side in source.grid)
    top, left = (source.grid[0] - height) // 2, (source.grid[1] - width) // 2
    image, valid = source.read(top, top + height, left, left + width)
    if not valid.all():
        raise ValueError(
            f'the middle of {source.path} holds pixels without data, where '
            'seams mean nothing; give a smaller --size or another scene'
        )
    return image.transpose(1, 2, 0)


if __name__ == '__main__':
    run_tool(main)
