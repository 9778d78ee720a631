# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Your own words on your own images: pictures, folders and GeoTIFFs.

Examples:
  python tools/predict.py scene.tif --checkpoint iter_10000.pth \
--classes "building, house; road; water, river" --out out
  python tools/predict.py photos/ --config CONFIG --checkpoint CHECKPOINT \
--vocabulary names.txt --out out
  python tools/predict.py scene.tif ... --gsd 0.3 --polygons gpkg --scores
  python tools/predict.py scene.tif --classes "building; road" --out out
  python tools/predict.py --checkpoint CHECKPOINT --explain \
--classes "grass; low vegetation"
  python tools/predict.py scene.tif ... --out out --workers 4
  python tools/predict.py scene.tif ... --out out --workers 64 \
--engine ray --address auto
  python tools/predict.py scene.tif ... --out out \
--blocks $SLURM_ARRAY_TASK_ID/64   # then once, with --assemble
  torchrun --nproc-per-node 4 tools/predict.py scenes/ ... --out out

Without --checkpoint and --config a model that needs no training is used, with
CLIP weights that are downloaded or given by --clip. A trained model does
better.

Classes are separated by ';', synonyms of a class by ','. A run that was
killed resumes where it stopped when the same command is given again.
"""

import logging

from aeroseg.apis.command import add_arguments, run
from aeroseg.command_line import ToolParser, run_tool


def main() -> int:
    """Predict."""
    parser = ToolParser(__doc__)
    add_arguments(parser)
    logging.basicConfig(level=logging.WARNING, format='%(message)s')
    logging.getLogger('aeroseg').setLevel(logging.INFO)
    return run(parser.parse_args())


if __name__ == '__main__':
    run_tool(main, kept='Finished scenes and rows are kept.')
