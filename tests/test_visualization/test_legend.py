# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.visualization import area_shares, draw_legend
from aeroseg.vocabulary import Vocabulary


def test_shares_leave_ignored_pixels_out() -> None:
    label = np.array([[0, 0, 2, 255], [0, 255, 255, 255]])
    assert area_shares(label, 3) == pytest.approx([0.75, 0, 0.25])
    assert area_shares(np.full((2, 2), 255), 3).tolist() == [0, 0, 0]


def test_legend_shows_every_colour_once() -> None:
    vocabulary = Vocabulary(('road', 'tree', 'water'))
    legend = draw_legend(vocabulary, {'share': np.array([0.5, 0.5, 0])})
    present = {tuple(c) for c in legend.reshape(-1, 3).tolist()}
    assert set(vocabulary.palette) <= present


def test_long_vocabularies_keep_the_largest_classes() -> None:
    vocabulary = Vocabulary(tuple(f'class {i}' for i in range(300)))
    shares = np.zeros(300)
    shares[[7, 250]] = 0.3, 0.7
    legend = draw_legend(vocabulary, {'share': shares}, max_rows=2)
    present = {tuple(c) for c in legend.reshape(-1, 3).tolist()}
    assert {vocabulary.palette[7], vocabulary.palette[250]} <= present
    assert legend.shape[0] < 150
