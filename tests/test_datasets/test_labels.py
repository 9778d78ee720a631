# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import io
import pickle

import numpy as np
import pytest
from PIL import Image

from aeroseg.datasets.labels import (
    ColourTable,
    IdTable,
    open_image,
    read_ids,
)


def encode(array: np.ndarray, mode: str | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, 'PNG')
    return buffer.getvalue()


def test_ids_of_grey_and_palette_images() -> None:
    ids = np.array([[0, 9], [14, 255]], np.uint8)
    assert np.array_equal(read_ids(encode(ids), 'a.png'), ids)
    palette = Image.fromarray(ids, 'L').copy()
    palette.putpalette([i // 3 for i in range(768)])
    buffer = io.BytesIO()
    palette.save(buffer, 'PNG')
    assert Image.open(buffer).mode == 'P'
    assert np.array_equal(read_ids(buffer.getvalue(), 'a.png'), ids)


def test_a_picture_is_no_label() -> None:
    with pytest.raises(ValueError, match='one integer per pixel'):
        read_ids(encode(np.zeros((2, 2, 3), np.uint8)), 'a.png')


@pytest.mark.parametrize('keep', [10, -30])
def test_a_damaged_file_is_named(keep: int) -> None:
    with pytest.raises(ValueError, match=r'a\.png cannot be read'):
        open_image(encode(np.zeros((64, 64), np.uint8))[:keep], 'a.png')


def test_id_table() -> None:
    table = IdTable({0: 255, 1: 0, 2: 1})
    ids = np.array([[0, 1], [2, 255]], np.uint8)
    assert table(ids, 'a.png').tolist() == [[255, 0], [1, 255]]
    assert table(ids, 'a.png').dtype == np.uint8


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int32])
def test_an_unknown_id_is_named_with_its_pixel(dtype: type) -> None:
    ids = np.zeros((3, 4), dtype)
    ids[1, 2] = 9
    with pytest.raises(ValueError, match='id 9 at column 2, row 1') as error:
        IdTable({0: 0, 1: 1})(ids, 'a.png')
    assert '0 to 1 and 255' in str(error.value)


def test_sixteen_bits_do_not_wrap() -> None:
    ids = np.full((2, 2), 256, np.uint16)
    with pytest.raises(ValueError, match='id 256'):
        IdTable({0: 0})(ids, 'a.png')


def test_colour_table_also_after_pickling() -> None:
    table = ColourTable({(0, 0, 0): 255, (0, 127, 63): 6})
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[0, 1] = (0, 127, 63)
    for one in (table, pickle.loads(pickle.dumps(table))):
        assert one(rgb, 'm.png').tolist() == [[255, 6], [255, 255]]
    assert len(pickle.dumps(table)) < 1000


def test_an_unknown_colour_is_named_with_its_pixel() -> None:
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[1, 2] = (1, 2, 3)
    with pytest.raises(
        ValueError, match=r'm\.png .*\(1, 2, 3\) at column 2, row 1 \(1 px'
    ):
        ColourTable({(0, 0, 0): 0})(rgb, 'm.png')
