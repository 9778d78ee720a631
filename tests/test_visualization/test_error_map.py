# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np

from aeroseg.visualization import error_map


def test_wrong_pixels_are_coloured_and_ignored_ones_not_judged() -> None:
    image = np.full((1, 4, 3), 120, np.uint8)
    truth = np.array([[0, 1, 255, 1]])
    prediction = np.array([[0, 0, 0, 1]])
    drawn, share = error_map(image, truth, prediction, num_classes=2)
    assert share == 1 / 3
    assert drawn[0, 0].std() == 0
    assert drawn[0, 1, 0] > drawn[0, 1, 2] + 50
    assert drawn[0, 2].tolist() == [36, 36, 36]


def test_nothing_judged_gives_nan() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    label = np.full((2, 2), 255)
    assert np.isnan(error_map(image, label, label, 3)[1])
