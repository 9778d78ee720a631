# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.mapping.reading.image_source import (
    ArraySource,
    open_source,
    scaled,
)
from aeroseg.mapping.reading.raster_source import RasterSource


def test_rows_of_an_array(pixels: np.ndarray) -> None:
    source = ArraySource(pixels)
    image, valid = source.read(10, 30)
    assert (image == pixels[10:30].transpose(2, 0, 1)).all()
    assert valid.shape == (20, 110)
    assert valid.all()
    assert source.valid(0, 150).all()


def test_scaled_array_is_what_the_model_sees(pixels: np.ndarray) -> None:
    source = ArraySource(pixels, scale=1.5)
    assert source.shape == (150, 110)
    assert source.grid == (225, 165)
    whole = np.asarray(Image.fromarray(pixels).resize((165, 225), 2))
    assert (source.read(100, 225)[0] == whole[100:].transpose(2, 0, 1)).all()


def test_sizes_never_vanish() -> None:
    assert scaled((10, 20), 0.01) == (1, 1)
    assert scaled((10, 20), 2, 0.5) == (20, 10)


def test_every_kind_of_image_is_opened(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / 'a.png'
    picture = Image.fromarray(pixels)
    picture.save(path)
    grey = picture.convert('L')
    for image in (pixels, picture, path, str(path), ArraySource(pixels)):
        source = open_source(image)
        assert (source.read(0, 150)[0] == pixels.transpose(2, 0, 1)).all()
    assert isinstance(open_source(path), RasterSource)
    assert open_source(grey).read(0, 5)[0].shape == (3, 5, 110)


def test_other_things_are_refused() -> None:
    with pytest.raises(ValueError, match='Repeat a grey'):
        open_source(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match='float32'):
        open_source(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match='path, an array'):
        open_source(3)
    with pytest.raises(FileNotFoundError, match='no file nowhere'):
        open_source('nowhere.tif')
