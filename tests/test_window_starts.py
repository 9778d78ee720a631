# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from itertools import pairwise

import numpy as np
import pytest

from aeroseg.window_starts import (
    END_RULES,
    EndRule,
    starts_by_overlap,
    starts_by_stride,
)


@pytest.mark.parametrize(
    ('length', 'rule', 'expected'),
    [
        (1000, 'drop', [0, 256, 512]),
        (1000, 'pad', [0, 256, 512, 768]),
        (1000, 'clamp', [0, 256, 512, 744]),
        (200, 'drop', []),
        (200, 'pad', [0]),
        (200, 'clamp', [0]),
    ],
)
def test_rules_at_the_end(
    length: int, rule: EndRule, expected: list[int]
) -> None:
    assert starts_by_stride(length, 256, 256, rule) == expected


def test_an_exact_fit_is_the_same_under_every_rule() -> None:
    for rule in END_RULES:
        assert starts_by_stride(1024, 256, 256, rule) == [0, 256, 512, 768]


def test_isaid_windows_of_a_published_scene() -> None:
    # P0189_615_871_206_462 is in the published list: 615 is a clamped start.
    assert starts_by_stride(871, 256, 206) == [0, 206, 412, 615]


def test_published_sliding_windows() -> None:
    # CAT-Seg and OVRS: 640 px, windows of 384 every 256.
    assert starts_by_stride(640, 384, 256) == [0, 256]


@pytest.mark.parametrize('length', [64, 65, 100, 113, 1000, 4096])
@pytest.mark.parametrize('overlap', [0, 1, 16, 63])
def test_even_starts_cover_the_side_with_the_fewest_windows(
    length: int, overlap: int
) -> None:
    starts = starts_by_overlap(length, 64, overlap)
    assert (starts[0], starts[-1]) == (0, length - 64)
    steps = np.diff(starts)
    assert (steps <= 64 - overlap).all()
    assert np.ptp(steps) <= 1 if len(steps) else length == 64
    fewest = -(-(length - overlap) // (64 - overlap))
    assert len(starts) == fewest


@pytest.mark.parametrize('length', [1, 63, 64])
def test_a_short_side_is_one_window(length: int) -> None:
    assert starts_by_overlap(length, 64, 16) == [0]


@pytest.mark.parametrize('length', [256, 300, 871, 4096])
def test_clamped_windows_leave_no_gap(length: int) -> None:
    starts = starts_by_stride(length, 256, 206)
    assert starts[-1] + 256 == length
    assert all(b - a <= 206 for a, b in pairwise(starts))


@pytest.mark.parametrize(
    'wrong',
    [(0, 256, 256), (9, 0, 1), (9, 4, 0), (9, 4, 4, 'mirror')],
)
def test_strides_that_cannot_be_used(wrong: tuple) -> None:
    with pytest.raises(ValueError, match='cannot tile'):
        starts_by_stride(*wrong)


@pytest.mark.parametrize(
    'wrong', [(0, 4, 1), (9, 0, 0), (9, 4, 4), (9, 4, -1)]
)
def test_overlaps_that_cannot_be_used(wrong: tuple) -> None:
    with pytest.raises(ValueError, match='cannot cover'):
        starts_by_overlap(*wrong)
