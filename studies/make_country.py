# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Write scenes of the second generated world, as a download to be converted.

    studies/make_country.py downloads/country --scenes 150
    tools/dataset_converters/cross.py country downloads/country data/country

Writes test/images/N.png and test/labels/N.png. A model that learnt in the
first world (configs/demo) meets other names, light, colours and sizes there.
"""

from pathlib import Path

from PIL import Image
from rich.progress import track

from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.files import atomic_path
from aeroseg.world import make_scene

SERIES = 4  # no model is trained on a series of this world


def main() -> None:
    """Read the command line and write the scenes."""
    parser = ToolParser(__doc__)
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument('--scenes', type=integer(1), default=150)
    parser.add_argument('--size', type=integer(32, 512), default=256)
    args = parser.parse_args()
    make_country(args.out, args.scenes, args.size)
    print(f'wrote {args.scenes} scenes to {args.out}')


def make_country(out: Path, scenes: int, size: int = 256) -> None:
    """Write the scenes; the same numbers give the same files.

    Args:
        out (Path): Folder.
        scenes (int): How many.
        size (int): Side of a scene, px, 32 to 512.
    """
    for index in track(range(scenes), 'drawing'):
        scene = make_scene(index, SERIES, size, 'country')
        for kind, pixels in (('images', scene.image), ('labels', scene.label)):
            path = out / 'test' / kind / f'{index:05d}.png'
            with atomic_path(path) as part:
                Image.fromarray(pixels).save(part)


if __name__ == '__main__':
    run_tool(main)
