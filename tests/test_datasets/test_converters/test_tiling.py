# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.datasets.converters.tiling import (
    Window,
    cut,
    tile_windows,
)
from aeroseg.window_starts import EndRule


@pytest.mark.parametrize('rule', ['pad', 'clamp'])
@pytest.mark.parametrize('stride', [206, 256])
def test_every_pixel_is_covered(rule: EndRule, stride: int) -> None:
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
