# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Measure how visible the windows are in a prediction, per overlap.

Examples:
  python tools/measure_seams.py scene.tif --checkpoint CHECKPOINT \
--classes "building; road; tree" --size 1024

Prints, per overlap, the jump of the scores at window edges relative to the
jump elsewhere (1.0 is invisible), and the share of pixels that keep their
class when all windows are moved by a third of a window.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'projects'))

from aeroseg.apis import Predictor
from aeroseg.apis.raster_source import RasterSource
from aeroseg.apis.seams import measure_seams


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('scene', help='image or GeoTIFF')
    parser.add_argument('--config', help='default: beside the checkpoint')
    parser.add_argument('--checkpoint', required=True)
    parser.add_argument('--classes', required=True, help='"road; tree"')
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--size', type=int, default=1024, help='pixels of the part to measure'
    )
    args = parser.parse_args()
    try:
        predictor = Predictor(args.config, args.checkpoint, args.device)
        scheme = predictor.scheme(args.classes)
        source = RasterSource(args.scene)
        rows, _ = source.read(0, min(args.size, source.shape[0]))
        image = rows[:, :, : args.size].transpose(1, 2, 0)
        window = predictor.tiling.window
        print(f'{args.scene}: {image.shape[1]} x {image.shape[0]} pixels')
        print('overlap  seam contrast  agreement')
        for part in (0, 8, 4, 2):
            overlap = window // part if part else 0
            tiling = replace(predictor.tiling, overlap=overlap, margin=None)
            found = measure_seams(predictor, image, tiling, scheme.num_scores)
            print(
                f'{overlap:7d}  {found.contrast:13.2f}  '
                f'{100 * found.agreement:7.1f} %'
            )
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
