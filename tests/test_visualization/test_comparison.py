# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aeroseg.visualization import draw_comparison, overlay
from aeroseg.visualization.panel import titled
from aeroseg.vocabulary import Vocabulary

VOCABULARY = Vocabulary(('road', 'tree'))
TOP, LEFT, STEP = 30, 16, 256 + 8


def _example() -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    label = np.zeros((256, 256), np.uint8)
    label[:, 128:] = 1
    return image, label


def _cell(picture: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = TOP + 8 + row * (256 + 22 + 16), LEFT + column * STEP
    return picture[top : top + 256, left : left + 256]


def test_models_stand_in_a_row_and_their_errors_below() -> None:
    image, label = _example()
    maps = {'a': label, 'b': 1 - label}
    picture = draw_comparison(image, maps, VOCABULARY, label)
    palette = VOCABULARY.palette
    assert (_cell(picture, 0, 0) == image).all()
    assert (_cell(picture, 0, 1) == overlay(image, label, palette)).all()
    assert (_cell(picture, 0, 2) == overlay(image, 1 - label, palette)).all()
    assert (_cell(picture, 1, 0) == overlay(image, label, palette)).all()
    right, wrong = _cell(picture, 1, 1), _cell(picture, 1, 2).astype(int)
    assert (right[..., 0] == right[..., 2]).all()  # grey
    assert (wrong[..., 0] > wrong[..., 2]).all()  # orange


def test_a_model_may_be_called_image_or_truth() -> None:
    image, label = _example()
    picture = draw_comparison(
        image, {'image': label, 'truth': label}, VOCABULARY, label
    )
    assert (_cell(picture, 0, 0) == image).all()
    again = overlay(image, label, VOCABULARY.palette)
    assert (_cell(picture, 0, 2) == again).all()


def test_without_truth_there_is_one_row(tmp_path: Path) -> None:
    image, label = _example()
    path = tmp_path / 'a.png'
    picture = draw_comparison(image, {'a': label}, VOCABULARY, path=path)
    assert picture.shape[0] < 2 * 256
    assert (np.asarray(Image.open(path)) == picture).all()


def test_a_truth_that_judges_nothing_is_said() -> None:
    image, label = _example()
    empty = np.full_like(label, 255)
    picture = draw_comparison(image, {'a': label}, VOCABULARY, empty)
    left, top = LEFT + STEP, TOP + 8 + 256 + 16
    expected = titled(_cell(picture, 1, 1), 'nothing is judged: a')
    assert (picture[top : top + 278, left : left + 256] == expected).all()


def test_bad_maps_are_refused() -> None:
    image, label = _example()
    with pytest.raises(ValueError, match='same size'):
        draw_comparison(image, {'a': label[1:]}, VOCABULARY)
    with pytest.raises(ValueError, match='no prediction'):
        draw_comparison(image, {}, VOCABULARY)
