# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The arithmetic agrees with the tables of the paper."""

import math

import pytest

from aeroseg.evaluation.scores import (
    harmonic_mean,
    mean_of_valid,
    open_vocab_means,
    weighted_mean,
)

NAN = float('nan')


@pytest.mark.parametrize(
    ('seen', 'unseen', 'n_seen', 'n_unseen', 'harmonic', 'mean'),
    [
        pytest.param(75.48, 51.46, 9, 6, 61.20, 65.87, id='iSAID'),
        pytest.param(60.37, 39.12, 10, 7, 47.48, 51.62, id='DLRSD'),
        pytest.param(51.27, 48.16, 4, 4, 49.66, 49.71, id='OEM'),
    ],
)
def test_table_2_and_table_8_of_the_paper_follow(
    seen: float,
    unseen: float,
    n_seen: int,
    n_unseen: int,
    harmonic: float,
    mean: float,
) -> None:
    # Spread around the mean, so that the classes differ.
    values = [
        seen + 3 * (-1) ** i * (i < n_seen // 2 * 2) for i in range(n_seen)
    ]
    values += [unseen] * n_unseen
    marks = [True] * n_seen + [False] * n_unseen
    means = open_vocab_means(values, marks)
    assert means['s-mIoU'] == pytest.approx(seen)
    assert means['u-mIoU'] == pytest.approx(unseen)
    # The printed scores are rounded: half a unit of the last digit, twice.
    assert means['h-mIoU'] == pytest.approx(harmonic, abs=0.01)
    assert means['mIoU'] == pytest.approx(mean, abs=0.01)


def test_the_wrong_class_counts_miss_table_8() -> None:
    values = [75.48] * 6 + [51.46] * 9
    means = open_vocab_means(values, [True] * 6 + [False] * 9)
    assert means['mIoU'] == pytest.approx(61.07, abs=0.01)


@pytest.mark.parametrize('value', [0.0, 1e-9, 12.5, 100.0])
def test_harmonic_mean_of_equals_is_the_same(value: float) -> None:
    assert harmonic_mean(value, value) == pytest.approx(value)


@pytest.mark.parametrize('value', [0.0, 12.5, 100.0])
def test_harmonic_mean_with_zero_is_zero(value: float) -> None:
    assert harmonic_mean(value, 0.0) == 0.0
    assert harmonic_mean(0.0, value) == 0.0


def test_harmonic_mean_with_an_unknown_is_unknown() -> None:
    assert math.isnan(harmonic_mean(NAN, 0.0))
    assert math.isnan(harmonic_mean(3.0, NAN))


def test_classes_without_truth_join_no_mean() -> None:
    means = open_vocab_means([40, NAN, 20, NAN], [True, True, False, False])
    assert means['s-mIoU'] == 40
    assert means['u-mIoU'] == 20
    assert means['mIoU'] == 30


def test_no_unseen_class_gives_no_harmonic_mean() -> None:
    means = open_vocab_means([40, 20], [True, True])
    assert means['s-mIoU'] == means['mIoU'] == 30
    assert math.isnan(means['u-mIoU'])
    assert math.isnan(means['h-mIoU'])


def test_unknown_marks_give_the_mean_alone() -> None:
    assert open_vocab_means([40, 20], None) == {'mIoU': 30}


def test_mean_of_nothing_is_nan() -> None:
    assert math.isnan(mean_of_valid([]))
    assert math.isnan(mean_of_valid([NAN]))


def test_weighted_mean_counts_pixels_and_leaves_nan_out() -> None:
    nan = float('nan')
    assert weighted_mean([10, 40, nan], [3, 1, 5]) == pytest.approx(17.5)
    assert math.isnan(weighted_mean([nan, 5], [1, 0]))
