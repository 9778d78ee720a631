# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.world.canvas import Canvas, rectangle
from aeroseg.world.classes import CLASSES


@pytest.fixture
def canvas() -> Canvas:
    return Canvas(64, np.array([1.0, 0.5]))


def test_a_rectangle_has_its_sides_and_direction() -> None:
    corners = rectangle(np.array([10.0, 20.0]), 8, 4, np.pi / 2)
    np.testing.assert_allclose(corners.mean(0), [10, 20])
    np.testing.assert_allclose(corners[1] - corners[0], [0, 8], atol=1e-9)
    np.testing.assert_allclose(corners[2] - corners[1], [-4, 0], atol=1e-9)


def test_colour_and_label_are_drawn_on_the_same_pixels(canvas: Canvas) -> None:
    plan = rectangle(np.array([31.5, 31.5]), 20, 10, 0)
    canvas.polygon(plan, (200, 10, 10), 'red roof')
    labelled = canvas.label == CLASSES.index('red roof')
    assert labelled[31, 31]
    assert 180 < labelled.sum() < 260
    inside = canvas.image[labelled].mean(0)
    np.testing.assert_allclose(inside, [200, 10, 10], atol=15)
    assert (canvas.busy > 0).sum() == labelled.sum()


def test_a_shadow_falls_away_from_the_sun(canvas: Canvas) -> None:
    plan = rectangle(np.array([20.0, 20.0]), 10, 10, 0)
    canvas.shadow(plan, 12, 100)
    canvas.polygon(plan, (0, 0, 0), 'red roof')
    assert canvas.shade[20, 20] == 255  # the roof itself lies in the sun
    assert canvas.shade[24, 28] == 100
    assert canvas.shade[12, 12] == 255


def test_what_stands_somewhere_is_in_the_way(canvas: Canvas) -> None:
    canvas.disc(np.array([32.0, 32.0]), 5, (9, 9, 9), 'round tank')
    assert not canvas.is_free(np.array([40.0, 32.0]), 6)
    assert canvas.is_free(np.array([50.0, 50.0]), 6)
    assert canvas.is_free(np.array([-20.0, -20.0]), 6)
