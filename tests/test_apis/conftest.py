# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small model without global context, and scenes that tests write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from mmseg.registry import MODELS
from rasterio.transform import from_origin
from torch import Tensor, nn

from aeroseg.apis.geotiff import label_draft, write_cog
from aeroseg.apis.label_scheme import LabelScheme
from aeroseg.apis.raster_source import RasterSource
from aeroseg.engine.read_config import read_config
from aeroseg.vocabulary import Vocabulary


class LocalModel(nn.Module):
    """Two convolutions: a pixel depends on a surrounding of 7 x 7."""

    radius = 3

    def __init__(self, num_classes: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(8, num_classes, 3, padding=1),
        )
        self.calls = 0

    def predict_scores(self, images: Tensor) -> Tensor:
        self.calls += 1
        return (8 * self.layers(images / 255)).softmax(dim=1)

    def whole(self, image: np.ndarray) -> Tensor:
        """Scores (S, H, W) of a whole image (H, W, 3)."""
        batch = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
        with torch.no_grad():
            return self.predict_scores(batch.float())[0]


@pytest.fixture
def model() -> LocalModel:
    return LocalModel().eval()


@pytest.fixture
def scheme() -> LabelScheme:
    return LabelScheme(Vocabulary(('building', 'road', 'tree')))


@pytest.fixture
def pixels() -> np.ndarray:
    """A random image (150, 110, 3) with patches of a few pixels."""
    small = np.random.default_rng(0).integers(0, 256, (50, 37, 3), np.uint8)
    return np.repeat(np.repeat(small, 3, axis=0), 3, axis=1)[:150, :110]


@pytest.fixture
def write_scene(tmp_path: Path) -> Callable[..., Path]:
    """Write (H, W, C) values as a GeoTIFF, by default UTM with 0.5 m."""

    def write(
        values: np.ndarray, name: str = 'scene.tif', **profile: Any
    ) -> Path:
        settings: dict[str, Any] = {
            'driver': 'GTiff',
            'height': values.shape[0],
            'width': values.shape[1],
            'count': values.shape[2],
            'dtype': values.dtype,
            'crs': 'EPSG:25832',
            'transform': from_origin(350000, 5640000, 0.5, 0.5),
        }
        path = tmp_path / name
        with rasterio.open(path, 'w', **settings | profile) as data:
            data.write(values.transpose(2, 0, 1))
        return path

    return write


@pytest.fixture
def write_labels(tmp_path: Path) -> Callable[..., Path]:
    """Write ids (H, W) of a scene as predictions do: out/labels.tif."""

    def write(
        labels: np.ndarray, source: RasterSource, scheme: LabelScheme
    ) -> Path:
        path = tmp_path / 'out' / 'labels.tif'
        pieces = ((i, labels[i : i + 100]) for i in range(0, len(labels), 100))
        with label_draft(pieces, source, scheme, tmp_path) as draft:
            write_cog(draft, path)
        return path

    return write


@pytest.fixture(scope='session')
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny config and a checkpoint of random weights that fits it."""
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp('tiny')
    source = root / 'configs' / 'aeroseg'
    config = read_config(source / 'aeroseg_tiny_1xb2-20_openearthmap-64x64.py')
    config.predictor = {'window': 64, 'overlap': 16, 'scale': 1.0}
    config.dump(folder / 'config.py')
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    meta = {'dataset_meta': {'classes': ('road', 'tree', 'water')}}
    weights = {'state_dict': model.state_dict(), 'meta': meta}
    torch.save(weights, folder / 'tiny.pth')
    return {
        'config': folder / 'config.py',
        'checkpoint': folder / 'tiny.pth',
    }
