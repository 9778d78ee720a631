# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.datasets.converters.tiling import (
    RULES,
    Rule,
    Window,
    cut,
    starts,
    tile_windows,
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
def test_rules(length: int, rule: Rule, expected: list[int]) -> None:
    assert starts(length, 256, 256, rule) == expected


def test_an_exact_fit_is_the_same_under_every_rule() -> None:
    for rule in RULES:
        assert starts(1024, 256, 256, rule) == [0, 256, 512, 768]


def test_isaid_windows_of_a_published_scene() -> None:
    # P0189_615_871_206_462 is in the published list: 615 is a clamped start.
    assert starts(871, 256, 206, 'clamp') == [0, 206, 412, 615]


@pytest.mark.parametrize('rule', ['pad', 'clamp'])
@pytest.mark.parametrize('stride', [206, 256])
def test_every_pixel_is_covered(rule: Rule, stride: int) -> None:
    covered = np.zeros((611, 257), bool)
    for x, y, width, height in tile_windows(611, 257, 256, stride, rule):
        covered[y : y + height, x : x + width] = True
    assert covered.all()


def test_cut_pads_over_the_edge() -> None:
    array = np.ones((3, 4), np.uint8)
    part = cut(array, Window(2, 1, 4, 4), 255)
    assert part[:2, :2].tolist() == [[1, 1], [1, 1]]
    assert (part[2:] == 255).all()
    assert (part[:, 2:] == 255).all()


@pytest.mark.parametrize(
    'wrong', [(0, 1, 1, 'pad'), (1, 1, 0, 'pad'), (1, 1, 1, 'crop')]
)
def test_wrong_arguments(wrong: tuple) -> None:
    with pytest.raises(ValueError, match='rules are'):
        starts(*wrong)
