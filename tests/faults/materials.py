# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Good material: what every fault starts from."""

from pathlib import Path

import numpy as np
import rasterio
import torch
from data.make_cross import make_cross
from data.make_dlrsd import make_dlrsd
from data.make_folder import make_folder
from data.make_isaid import make_isaid
from data.make_openearthmap import make_openearthmap
from mmseg.registry import MODELS
from PIL import Image
from rasterio.transform import from_origin
from tool_process import ROOT

from aeroseg.read_config import read_config

TINY = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
CLASSES = ('road', 'tree', 'water')


def make_materials(folder: Path) -> None:
    """Write good inputs for every tool.

    `scene.tif` (96 x 80 pixels, UTM) and `picture.png`; `model/config.py`
    with `model/tiny.pth` (random weights); `names.txt`; `tiles/` as the
    OpenEarthMap converter leaves them; and small official layouts in
    `isaid/`, `dlrsd/`, `openearthmap/`, `own/` and `loveda/`.

    Args:
        folder (Path): Empty.
    """
    write_scene(folder / 'scene.tif')
    Image.fromarray(pixels()).save(folder / 'picture.png')
    write_model(folder / 'model')
    (folder / 'names.txt').write_text('road\ntree, wood\nwater\n')
    write_tiles(folder / 'tiles')
    make_isaid(folder / 'isaid')
    make_dlrsd(folder / 'dlrsd')
    make_openearthmap(folder / 'openearthmap')
    make_folder(folder / 'own')
    make_cross(folder / 'loveda', 'loveda')


def pixels(height: int = 80, width: int = 96) -> np.ndarray:
    """Random pixels (H, W, 3), uint8."""
    random = np.random.default_rng(0)
    return random.integers(0, 256, (height, width, 3), np.uint8)


def write_scene(path: Path, values: np.ndarray | None = None, **profile: object) -> None:  # fmt: skip  # noqa: E501
    """Write (H, W, C) values as a GeoTIFF in UTM with 0.5 m."""
    values = pixels() if values is None else values
    settings = {
        'driver': 'GTiff',
        'height': values.shape[0],
        'width': values.shape[1],
        'count': values.shape[2],
        'dtype': values.dtype,
        'crs': 'EPSG:25832',
        'transform': from_origin(350000, 5640000, 0.5, 0.5),
    }
    with rasterio.open(path, 'w', **settings | profile) as data:
        data.write(values.transpose(2, 0, 1))


def write_model(folder: Path) -> None:
    """Write the tiny config and a checkpoint of random weights."""
    folder.mkdir()
    config = read_config(ROOT / TINY)
    config.predictor = {'window': 64, 'overlap': 16, 'scale': 1.0}
    config.dump(folder / 'config.py')
    torch.manual_seed(0)
    meta = {'dataset_meta': {'classes': CLASSES}}
    weights = MODELS.build(config.model).state_dict()
    torch.save({'state_dict': weights, 'meta': meta}, folder / 'tiny.pth')


def write_tiles(folder: Path) -> None:
    """Write 4 + 4 tiles of OpenEarthMap."""
    random = np.random.default_rng(0)
    for split in ('train', 'val'):
        for index in range(4):
            label = random.integers(0, 8, (4, 4), dtype=np.uint8)
            label = label.repeat(20, axis=0).repeat(20, axis=1)
            image = random.integers(0, 255, (80, 80, 3), dtype=np.uint8)
            for kind, array in (('img', image), ('ann', label)):
                path = folder / f'{kind}_dir' / split / f'{index}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
