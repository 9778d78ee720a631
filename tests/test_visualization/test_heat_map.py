# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.visualization import heat_map, with_scale

IMAGE = np.full((64, 96, 3), 100, np.uint8)


def test_bright_is_high_and_lies_where_the_value_is() -> None:
    values = np.zeros((4, 6))
    values[1, 4] = 2.0
    drawn = heat_map(IMAGE, values).astype(int).sum(axis=2)
    assert drawn.shape == (64, 96)
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert (row // 16, column // 16) == (1, 4)
    assert drawn[:8].max() < drawn.max() / 2


def test_equal_values_have_one_colour() -> None:
    drawn = heat_map(IMAGE, np.full((4, 6), 7.0))
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 1


def test_the_scale_stands_below_the_picture() -> None:
    values = np.arange(24.0).reshape(4, 6)
    drawn = with_scale(IMAGE, values)
    height = drawn.shape[0] - 36
    assert drawn.shape == (height + 36, 288, 3)
    bar = drawn[height + 8].astype(int).sum(axis=1)
    assert (np.diff(bar) >= -3).all()
    assert bar[-1] > bar[0] + 300


@pytest.mark.parametrize('bad', [np.zeros(4), np.full((2, 2), np.nan)])
def test_bad_values_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match='finite numbers'):
        heat_map(IMAGE, bad)
