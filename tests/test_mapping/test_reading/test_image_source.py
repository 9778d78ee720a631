# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.mapping.reading.image_source import ArraySource, open_source
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


def test_thumbnails_are_no_larger_than_the_image(pixels: np.ndarray) -> None:
    source = ArraySource(pixels, scale=2)
    assert source.thumbnail(150) is pixels
    assert source.thumbnail(1000) is pixels
    assert source.thumbnail(75).shape == (75, 55, 3)


def test_every_kind_of_image_is_opened(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / 'a.png'
    picture = Image.fromarray(pixels)
    picture.save(path)
    grey = picture.convert('L')
    for image in (pixels, picture, path, str(path), ArraySource(pixels)):
        with open_source(image) as source:
            rows, _ = source.read(0, 150)
            assert (rows == pixels.transpose(2, 0, 1)).all()
            assert (source.thumbnail(150) == pixels).all()
    with open_source(grey) as source:
        assert source.read(0, 5)[0].shape == (3, 5, 110)


def test_files_are_closed_behind_the_block(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / 'a.png'
    Image.fromarray(pixels).save(path)
    with open_source(path) as source:
        assert isinstance(source, RasterSource)
        assert not source.data.closed
    assert source.data.closed
    with RasterSource(path) as given:
        with open_source(given) as source:
            assert source is given
        assert not given.data.closed


@pytest.mark.parametrize(
    ('image', 'error', 'message'),
    [
        (np.zeros((4, 4), np.uint8), ValueError, 'Repeat a grey'),
        (np.zeros((4, 4, 3), np.float32), ValueError, 'float32'),
        (3, ValueError, 'path, an array'),
        ('nowhere.tif', FileNotFoundError, 'no file nowhere'),
    ],
)
def test_other_things_are_refused(
    image: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message), open_source(image):
        pass
