# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest

from aeroseg.mapping.reading.grid import model_grid, scaled, shrunk

SCENE = Path('scene.tif')
SHAPE = (150, 110)


def test_sizes_never_vanish() -> None:
    assert scaled((10, 20), 0.01) == (1, 1)
    assert scaled((10, 20), 2, 0.5) == (20, 10)


def test_small_sizes_are_not_enlarged() -> None:
    assert shrunk(SHAPE, 1000) == SHAPE
    assert shrunk(SHAPE, 75) == (75, 55)


def test_resolution_and_scale_multiply() -> None:
    assert model_grid(SCENE, SHAPE, None, scale=2) == (300, 220)
    assert model_grid(SCENE, SHAPE, (0.5, 0.5), gsd=1) == (75, 55)
    assert model_grid(SCENE, SHAPE, (0.5, 0.25), 0.5, 2) == (300, 110)


@pytest.mark.parametrize('gsd', [0.0, -1.0, float('nan')])
def test_resolutions_that_are_not_above_zero(gsd: float) -> None:
    with pytest.raises(ValueError, match=r'scene\.tif.*a number above 0'):
        model_grid(SCENE, SHAPE, (0.5, 0.5), gsd)


def test_a_scene_of_unknown_resolution_cannot_be_resampled() -> None:
    with pytest.raises(ValueError, match=r'scene\.tif.*georeferenced file'):
        model_grid(SCENE, SHAPE, None, 0.5)


@pytest.mark.parametrize('scale', [0.0, -2.0, 65.0, float('nan')])
def test_enlargements_that_cannot_be_meant(scale: float) -> None:
    with pytest.raises(ValueError, match='up to 64'):
        model_grid(SCENE, SHAPE, None, scale=scale)
