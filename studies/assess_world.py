# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The example of docs/assess.md: a map of the generated world, assessed.

Makes a scene whose true areas are known, and labels points as an analyst
would who is never wrong.

Examples:
  python studies/assess_world.py scene work         # scene.tif, truth.tif
  python tools/predict.py work/scene.tif --checkpoint CHECKPOINT --out work
  python tools/assess_map.py sample work/labels.tif work/points.gpkg
  python studies/assess_world.py label work/points.gpkg work/truth.tif
  python tools/assess_map.py estimate work/labels.tif work/points.gpkg
  python studies/assess_world.py check work/points_assessment work/truth.tif
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
from rasterio.transform import from_origin

from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.files import atomic_path
from aeroseg.world import make_scene
from aeroseg.world.classes import CLASSES

SERIES = 3  # the demo's test scenes
SIDE = 256
PIXEL = 0.5  # metres


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    steps = parser.add_subparsers(
        dest='step', required=True, parser_class=ToolParser, metavar='STEP'
    )
    scene = steps.add_parser('scene', help='write scene.tif and truth.tif')
    scene.add_argument('folder', type=Path)
    scene.add_argument(
        '--tiles', type=integer(1, 20), default=6, help='per side; default: 6'
    )
    label = steps.add_parser('label', help='label points with the truth')
    label.add_argument('points', type=Path)
    check = steps.add_parser('check', help='compare areas with the truth')
    check.add_argument('folder', type=Path)
    for step in (label, check):
        step.add_argument('truth', type=Path)
    return parser.parse_args()


def write_scene(folder: Path, tiles: int) -> None:
    """A mosaic of test scenes, and its labels, as GeoTIFFs."""
    made = [make_scene(index, SERIES) for index in range(tiles**2)]
    image = _mosaic(np.stack([scene.image for scene in made]), tiles)
    label = _mosaic(
        np.stack([scene.label for scene in made])[..., None], tiles
    )
    for name, values in (('scene', image), ('truth', label)):
        profile = {
            'driver': 'GTiff',
            'height': tiles * SIDE,
            'width': tiles * SIDE,
            'count': values.shape[2],
            'dtype': values.dtype,
            'crs': 'EPSG:25832',
            'transform': from_origin(350_000, 5_640_000, PIXEL, PIXEL),
        }
        with (
            atomic_path(folder / f'{name}.tif') as part,
            rasterio.open(part, 'w', **profile) as data,
        ):
            data.write(values.transpose(2, 0, 1))


def _mosaic(parts: np.ndarray, tiles: int) -> np.ndarray:
    """Tiles (n * n, S, S, C) as one picture (n * S, n * S, C)."""
    grid = parts.reshape(tiles, tiles, SIDE, SIDE, -1)
    return grid.transpose(0, 2, 1, 3, 4).reshape(
        tiles * SIDE, tiles * SIDE, -1
    )


def label_points(points: Path, truth: Path) -> None:
    """Fill in the labels, as an editor of GeoPackages does."""
    info = pyogrio.read_info(points, layer='points')
    meta, _, shapes, values = pyogrio.raw.read(points, layer='points')
    names = list(meta['fields'])
    columns = dict(zip(names, values, strict=True))
    with rasterio.open(truth) as data:
        ids = data.read(1)[columns['row'], columns['column']]
    columns['label'] = np.array(CLASSES, object)[ids]
    with atomic_path(points) as part:
        pyogrio.raw.write(
            part,
            shapes,
            field_data=list(columns.values()),
            fields=names,
            geometry_type='Point',
            crs=meta['crs'],
            driver='GPKG',
            layer='points',
            layer_metadata=info['layer_metadata'],
        )


def check_areas(folder: Path, truth: Path) -> list[tuple[str, ...]]:
    """Class, true, mapped and estimated hectares, and whether it is right.

    Args:
        folder (Path): Of the results of tools/assess_map.py estimate.
        truth (Path): Of :func:`write_scene`.
    """
    result = json.loads((folder / 'assessment.json').read_text())
    with rasterio.open(truth) as data:
        pixels = np.bincount(data.read(1).ravel(), minlength=len(CLASSES))
    rows = []
    for row in result['classes']:
        if row['class'] not in CLASSES:
            continue
        true = pixels[CLASSES.index(row['class'])] * PIXEL**2 / 10_000
        inside = row['low'] <= true <= row['high']
        numbers = (true, row['mapped'], row['estimated'])
        rows.append(
            (
                row['class'],
                *(f'{value:.3f}' for value in numbers),
                f'{row["low"]:.3f} to {row["high"]:.3f}',
                'yes' if inside else 'no',
            )
        )
    return rows


def main() -> None:
    """Make, label or check."""
    args = parse_args()
    if args.step == 'scene':
        write_scene(args.folder, args.tiles)
    elif args.step == 'label':
        label_points(args.points, args.truth)
    else:
        print('| class | true ha | mapped | estimated | 95 % | holds it |')
        print('|---|---|---|---|---|---|')
        for row in check_areas(args.folder, args.truth):
            print(f'| {" | ".join(row)} |')


if __name__ == '__main__':
    run_tool(main)
