# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Damage that Pillow decodes without a word is found."""

import io

import numpy as np
import pytest
from PIL import Image

from aeroseg.datasets.image_file import find_damage, open_image

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 255, (96, 108, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


FILES = {
    'png': encoded('PNG'),
    'jpeg': encoded('JPEG', quality=90),
    'progressive': encoded('JPEG', quality=90, progressive=True),
    'tiff': encoded('TIFF', compression='tiff_adobe_deflate'),
    'lzw': encoded('TIFF', compression='tiff_lzw'),
    'jpeg in tiff': encoded('TIFF', compression='jpeg'),
}


@pytest.mark.parametrize('name', FILES)
def test_a_sound_file_has_no_damage(name: str) -> None:
    assert find_damage(FILES[name]) is None
    assert open_image(FILES[name], 'a').size == (108, 96)


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('share', [0.3, 0.6, 0.9])
def test_a_file_that_was_cut_is_refused_by_name(
    name: str, share: float
) -> None:
    content = FILES[name][: int(share * len(FILES[name]))]
    with pytest.raises(ValueError, match=r'a\.tif cannot be read'):
        open_image(content, 'a.tif')


@pytest.mark.parametrize('name', ['png', 'jpeg', 'tiff', 'jpeg in tiff'])
def test_noise_in_the_middle_is_damage(name: str) -> None:
    content = bytearray(FILES[name])
    middle = len(content) // 2
    content[middle : middle + 40] = np.random.default_rng(2).bytes(40)
    assert find_damage(bytes(content))
    with pytest.raises(ValueError, match='cannot be read'):
        open_image(bytes(content), 'a')


def test_pillow_alone_does_not_see_noise_in_a_jpeg() -> None:
    # The reason for the check: this file decodes, to other pixels.
    content = bytearray(FILES['jpeg'])
    middle = len(content) // 2
    content[middle : middle + 40] = np.random.default_rng(3).bytes(40)
    image = Image.open(io.BytesIO(bytes(content)))
    image.load()
    good = np.asarray(Image.open(io.BytesIO(FILES['jpeg'])))
    assert (np.asarray(image) != good).any()
    assert find_damage(bytes(content))


def test_damage_can_be_allowed() -> None:
    content = FILES['jpeg'][:-400]
    image = np.asarray(open_image(content, 'a', allow_damaged=True))
    good = np.asarray(open_image(FILES['jpeg'], 'a'))
    assert image.shape == good.shape
    assert np.array_equal(image[:16], good[:16])
    with pytest.raises(ValueError, match='has no known format'):
        open_image(b'no image', 'a', allow_damaged=True)


def test_bytes_after_the_end_of_a_jpeg_are_no_damage() -> None:
    assert find_damage(FILES['jpeg'] + b'data of a camera') is None


def test_a_picture_that_is_stored_turned_is_refused() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with pytest.raises(ValueError, match='EXIF orientation 6'):
        open_image(encoded('JPEG', exif=exif), 'a')


def test_several_pages_are_refused_but_not_overviews() -> None:
    page = Image.fromarray(PIXELS)
    buffer = io.BytesIO()
    page.save(buffer, 'TIFF', save_all=True, append_images=[page, page])
    with pytest.raises(ValueError, match='holds 3 pictures'):
        open_image(buffer.getvalue(), 'a')


def test_overviews_of_a_geotiff_are_no_pages() -> None:
    rasterio = pytest.importorskip('rasterio')
    with rasterio.io.MemoryFile() as memory:
        with memory.open(
            driver='GTiff', width=108, height=96, count=3, dtype='uint8'
        ) as data:
            data.write(PIXELS.transpose(2, 0, 1))
            data.build_overviews([2, 4])
        content = memory.read()
    assert np.array_equal(np.asarray(open_image(content, 'a')), PIXELS)
