# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.visualization import contact_sheet
from aeroseg.vocabulary import Vocabulary

VOCABULARY = Vocabulary(('road', 'tree'))


def test_every_image_is_on_the_sheet() -> None:
    colours = [np.array([7, 40 * i, 203], np.uint8) for i in range(5)]
    images = [np.tile(colour, (32, 32, 1)) for colour in colours]
    labels = [np.full((32, 32), i % 2) for i in range(5)]
    sheet = contact_sheet(
        images, labels, VOCABULARY, columns=2, max_side=32, captions=[''] * 5
    )
    for image in images:
        same = (sheet == image[0, 0]).all(axis=2).sum()
        assert same == 32 * 32


def test_uneven_counts_are_refused() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match='2 images, 1 label'):
        contact_sheet([image, image], [np.zeros((4, 4))], VOCABULARY)
    with pytest.raises(ValueError, match='at least one'):
        contact_sheet([], [], VOCABULARY)
