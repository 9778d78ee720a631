# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small OpenEarthMap in the layout of the official archive."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

# Region, number, split, (width, height); the last has no image without xBD.
SCENES = (
    ('aachen', 1, 'train', (128, 128)),
    ('aachen', 2, 'train', (100, 130)),
    ('koeln', 50, 'val', (128, 96)),
    ('el_rodeo', 3, 'val', (64, 64)),
)


def make_openearthmap(root: Path, with_xbd: bool = True) -> Path:
    """Write REGION/{images,labels}/REGION_N.tif, train.txt and val.txt."""
    rng = np.random.default_rng(0)
    lists: dict[str, list[str]] = {'train': [], 'val': []}
    for region, number, split, (width, height) in SCENES:
        name = f'{region}_{number}.tif'
        lists[split].append(name)
        image = rng.integers(0, 256, (3, height, width), dtype=np.uint8)
        label = np.repeat(
            rng.integers(0, 9, (1, height, 1), dtype=np.uint8), width, axis=2
        )
        if with_xbd or region != 'el_rodeo':
            write_tif(root / region / 'images' / name, image)
        write_tif(root / region / 'labels' / name, label)
    for split, names in lists.items():
        (root / f'{split}.txt').write_text('\n'.join(names) + '\n')
    return root


def write_tif(path: Path, bands: np.ndarray) -> None:
    """Write a georeferenced GeoTIFF from (bands, H, W)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        count=bands.shape[0],
        height=bands.shape[1],
        width=bands.shape[2],
        dtype=bands.dtype,
        crs='EPSG:25832',
        transform=from_origin(355000, 5645000, 0.5, 0.5),
        compress='deflate',
    ) as file:
        file.write(bands)
