# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.visualization import colorize, overlay

PALETTE = ((255, 0, 0), (0, 0, 255))


def test_colorize_leaves_unknown_ids_black() -> None:
    painted = colorize(np.array([[0, 1, 255]], np.uint8), PALETTE)
    assert painted.tolist() == [[[255, 0, 0], [0, 0, 255], [0, 0, 0]]]


def test_overlay_mixes_by_opacity_and_keeps_ignored_pixels() -> None:
    image = np.full((1, 3, 3), 100, np.uint8)
    label = np.array([[0, 1, 255]])
    mixed = overlay(image, label, PALETTE, opacity=0.5)
    assert mixed[0, 0].tolist() == [178, 50, 50]
    assert mixed[0, 2].tolist() == [100, 100, 100]
    assert (overlay(image, label, PALETTE, opacity=0) == image).all()


def test_overlay_of_two_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match='same size'):
        overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5)), PALETTE)


def test_grey_or_float_images_are_refused() -> None:
    with pytest.raises(ValueError, match='uint8'):
        overlay(np.zeros((4, 4, 3)), np.zeros((4, 4), int), PALETTE)
    with pytest.raises(ValueError, match=r'\(H, W, 3\)'):
        overlay(np.zeros((4, 4), np.uint8), np.zeros((4, 4), int), PALETTE)


def test_opacity_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match='allowed is 0 to 1'):
        overlay(
            np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), int), PALETTE, 2
        )
