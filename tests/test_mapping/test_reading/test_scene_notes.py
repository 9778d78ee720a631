# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.mapping.reading.scene_notes import blank_notes


def _values(
    dtype: str = 'uint8', blank: int = 0, count: int = 0
) -> np.ndarray:
    values = np.full((3, 10, 100), 7, dtype)
    values.reshape(3, -1)[:, :count] = blank
    return values


EVERYWHERE = np.ones((10, 100), bool)


@pytest.mark.parametrize(
    ('dtype', 'blank', 'name'),
    [('uint8', 0, 'black'), ('uint8', 255, 'white'), ('float32', 0, 'black'),
     ('uint16', 65535, 'white')],
)  # fmt: skip
def test_more_than_a_hundredth_is_named(
    dtype: str, blank: int, name: str
) -> None:
    assert blank_notes(_values(dtype, blank, 10), EVERYWHERE) == []
    (note,) = blank_notes(_values(dtype, blank, 20), EVERYWHERE)
    assert note.startswith(f'2 % of the scene is pure {name} ({blank} in')


def test_marked_pixels_and_single_bands_do_not_count() -> None:
    values = _values(count=200)
    valid = EVERYWHERE.copy()
    valid[:2] = False
    assert blank_notes(values, valid) == []
    assert blank_notes(values, np.zeros_like(valid)) == []
    values[1] = 9
    assert blank_notes(values, EVERYWHERE) == []
