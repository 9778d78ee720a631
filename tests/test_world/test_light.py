# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np

from aeroseg.world.canvas import Canvas, rectangle
from aeroseg.world.light import develop, patches


def test_patches_are_windows_of_one_picture() -> None:
    first = patches(np.random.default_rng(0), 64)
    assert first.shape == (64, 64)
    np.testing.assert_array_equal(first, patches(np.random.default_rng(0), 64))


def test_shadow_is_darker_and_bluer() -> None:
    canvas = Canvas(64, np.array([1.0, 0.0]))
    canvas.image[:] = 150
    canvas.shadow(rectangle(np.array([16.0, 32.0]), 30, 62, 0), 0, 120)
    image = develop(canvas, np.random.default_rng(2)).astype(float)
    dark = image[8:56, 6:26].mean((0, 1))
    light = image[8:56, 38:58].mean((0, 1))
    assert dark.mean() < 0.75 * light.mean()
    assert dark[2] / dark[0] > light[2] / light[0]
