# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.apis import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.writing import preview
from aeroseg.mapping.writing.class_areas import count_classes
from aeroseg.mapping.writing.preview import write_preview
from aeroseg.visualization import overlay


@pytest.mark.parametrize('side', [1024, 55])
def test_scene_and_classes_side_by_side(
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    write_labels: Callable[..., Path],
    scheme: LabelScheme,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    side: int,
) -> None:
    monkeypatch.setattr(preview, 'SIDE', side)
    labels = np.zeros((150, 110), np.uint8)
    labels[:, 50:] = 2
    source = RasterSource(write_scene(pixels))
    path = write_labels(labels, source, scheme)
    areas = count_classes([(0, labels)], scheme)
    image = source.thumbnail(side)
    write_preview(tmp_path / 'p.png', image, path, scheme, areas)
    picture = np.asarray(Image.open(tmp_path / 'p.png'))
    h, w = min(150, side), 110 if side > 150 else 40
    left = picture[30 : 30 + h, 8 : 8 + w]
    if side > 150:
        assert (left == pixels).all()
        right = picture[30 : 30 + h, 16 + w : 16 + 2 * w]
        assert (right == overlay(pixels, labels, scheme.classes.palette)).all()
    assert picture.shape[1] > 2 * w
