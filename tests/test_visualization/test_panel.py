# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.visualization import draw_panel, overlay
from aeroseg.visualization.panel import (
    fit_size,
    join_grid,
    save_picture,
    shrink,
)
from aeroseg.vocabulary import Vocabulary

VOCABULARY = Vocabulary(('road', 'tree'))


def _example() -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    label = np.zeros((60, 80), np.int64)
    label[:, 40:] = 1
    return image, label


def test_tiles_stand_in_the_panel_unchanged(tmp_path: Path) -> None:
    image, label = _example()
    path = tmp_path / 'panel.png'
    panel = draw_panel(image, {'prediction': label}, VOCABULARY, path)
    assert (panel[30:90, 8:88] == image).all()
    painted = overlay(image, label, VOCABULARY.palette)
    assert (panel[30:90, 96:176] == painted).all()
    assert (np.asarray(Image.open(path)) == panel).all()


def test_truth_and_prediction_add_an_error_map() -> None:
    image, label = _example()
    one = draw_panel(image, {'truth': label}, VOCABULARY)
    two = draw_panel(
        image, {'truth': label, 'prediction': 1 - label}, VOCABULARY
    )
    errors = two[30:90, 8 + 3 * 88 : 88 + 3 * 88].astype(int)
    assert two.shape[1] > one.shape[1] + 2 * 88
    assert (errors[..., 0] > errors[..., 2]).all()


def test_large_images_are_shrunk_and_small_ones_kept() -> None:
    assert shrink(np.zeros((1000, 500, 3), np.uint8), 100).shape == (
        100,
        50,
        3,
    )
    assert shrink(np.zeros((9, 5, 3), np.uint8), 100).shape == (9, 5, 3)
    assert shrink(np.zeros((5000, 2, 3), np.uint8), 100).shape == (100, 1, 3)


def test_label_of_another_size_is_refused() -> None:
    image, label = _example()
    with pytest.raises(ValueError, match='same size'):
        draw_panel(image, {'truth': label[:-1]}, VOCABULARY)


def test_the_suffix_gives_the_format(tmp_path: Path) -> None:
    picture = np.full((4, 5, 3), (200, 10, 90), np.uint8)
    for name in ('a.png', 'b.JPG', 'c.tif'):
        save_picture(picture, tmp_path / name)
        with Image.open(tmp_path / name) as image:
            colours = np.asarray(image.convert('RGB')).astype(int)
        assert np.abs(colours - picture).max() <= 9, name
    for name in ('picture', 'a.docx'):
        with pytest.raises(ValueError, match='no suffix of an image format'):
            save_picture(picture, tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 3


def test_pictures_of_all_sizes_are_fitted() -> None:
    assert fit_size(np.zeros((1000, 500, 3), np.uint8)).shape == (384, 192, 3)
    small = np.random.default_rng(0).integers(0, 256, (100, 60, 3), np.uint8)
    drawn = fit_size(small)
    assert drawn.shape == (300, 180, 3)
    assert (drawn[::3, 2::3] == small).all()


def test_a_grid_has_rows_of_titled_pictures_and_one_legend() -> None:
    one = np.full((20, 30, 3), 7, np.uint8)
    rows = [[('a', one), ('b', one)], [('a', one)]]
    grid = join_grid(rows)
    assert grid.shape == (2 * (20 + 22 + 16), 2 * 30 + 24, 3)
    assert (grid == 7).all(axis=2).sum() == 3 * 600
    wide = join_grid(rows, legend=np.full((9, 11, 3), 50, np.uint8))
    assert wide.shape[1] == grid.shape[1] + 11 + 24
