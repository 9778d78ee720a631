# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.mapping.reading.stretch import Stretch, make_stretch

VALID = np.ones((10, 10), bool)


def _sample(kind: str = 'uint16') -> np.ndarray:
    return np.arange(300).reshape(3, 10, 10).astype(kind)


def test_eight_bit_values_are_left_alone() -> None:
    assert make_stretch('auto', _sample('uint8'), VALID) is None
    assert make_stretch('none', _sample('uint8'), VALID) is None


def test_auto_takes_percentiles_of_each_band() -> None:
    stretch = make_stretch('auto', _sample(), VALID)
    assert stretch is not None
    assert stretch.low == pytest.approx((1.98, 101.98, 201.98))
    assert stretch.high == pytest.approx((97.02, 197.02, 297.02))


def test_pixels_without_data_do_not_count() -> None:
    sample = _sample('float32')
    sample[:, 0, 0] = -9999
    sample[0, 0, 1] = np.nan
    valid = VALID.copy()
    valid[0, 0] = False
    stretch = make_stretch('minmax', sample, valid)
    assert stretch == Stretch((2, 101, 201), (99, 199, 299))


def test_numbers_are_used_for_every_band_and_values_clipped() -> None:
    stretch = make_stretch('100,200', _sample(), VALID)
    assert stretch is not None
    values = np.array([50, 100, 150, 200, 65535], np.uint16)
    done = stretch(np.tile(values, (3, 1, 1)))
    assert done[0].tolist() == [[0, 0, 128, 255, 255]]
    assert done.dtype == np.uint8


def test_nan_becomes_a_number() -> None:
    values = np.full((3, 1, 2), np.nan, np.float32)
    values[..., 1] = np.inf
    assert Stretch((0,) * 3, (1,) * 3)(values)[0].tolist() == [[0, 255]]


def test_constant_band_and_empty_scene_do_not_divide_by_zero() -> None:
    flat = np.full((3, 10, 10), 7, np.uint16)
    assert make_stretch('auto', flat, VALID) == Stretch((7,) * 3, (8,) * 3)
    assert make_stretch('minmax', flat, ~VALID) == Stretch((0,) * 3, (1,) * 3)


def test_the_ranges_are_described() -> None:
    text = Stretch((0, 1, 2), (10, 11, 12.5)).describe()
    assert '0 to 10, 1 to 11, 2 to 12.5' in text


@pytest.mark.parametrize(
    ('rule', 'message'),
    [
        ('none', '8-bit values'),
        ('best', 'unknown stretch'),
        ('percentile:60', 'not from 0 to below 50'),
        ('200,100', 'LOW < HIGH'),
        ('1,2,3', 'LOW,HIGH'),
    ],
)
def test_wrong_rules_are_refused(rule: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_stretch(rule, _sample(), VALID)


@pytest.mark.parametrize(
    'rule', ['nan,nan', '0,inf', '-inf,1', 'nan,1', 'percentile:nan']
)
def test_numbers_that_are_not_finite_are_refused(rule: str) -> None:
    sample = np.zeros((3, 4, 4), np.uint16)
    with pytest.raises(ValueError, match='finite'):
        make_stretch(rule, sample, np.ones((4, 4), bool))
