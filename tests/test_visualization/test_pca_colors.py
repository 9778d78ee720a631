# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.visualization import enlarge_cells, pca_colors


def test_the_first_component_is_red() -> None:
    """A direction of much variance, and two of less, in 20 channels."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(20, 3)))[0]
    parts = rng.normal(size=(3, 400)) * np.array([[9.0], [3.0], [1.0]])
    colours = pca_colors((axes @ parts).reshape(20, 20, 20))
    for channel in range(3):
        found = np.corrcoef(colours[..., channel].ravel(), parts[channel])
        assert abs(found[0, 1]) > 0.95


def test_scale_and_offset_of_features_change_nothing() -> None:
    features = np.random.default_rng(1).normal(size=(8, 6, 5))
    changed = pca_colors(100 * features + 7).astype(int)
    assert abs(changed - pca_colors(features)).max() <= 1


def test_what_does_not_vary_is_grey() -> None:
    assert (pca_colors(np.ones((8, 6, 5))) == 127).all()
    two = pca_colors(np.random.default_rng(2).normal(size=(2, 6, 5)))
    assert (two[..., 2] == 127).all()
    assert two[..., 0].std() > 10


def test_not_finite_features_are_refused() -> None:
    with pytest.raises(ValueError, match='1 not finite'):
        pca_colors(np.array([[[1.0, np.inf]]]))


def test_cells_that_reach_beyond_the_picture_are_cut() -> None:
    colours = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    drawn = enlarge_cells(colours, (1.5, 2.5), (30, 50))
    assert drawn.shape == (30, 50, 3)
    assert (drawn[:20, :20] == colours[0, 0]).all()
    assert (drawn[20:, 40:] == colours[1, 2]).all()
