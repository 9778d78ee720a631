# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.visualization.scale_bar import (
    draw_scale_bar,
    readable_length,
    round_length,
)

GREY = np.full((200, 400, 3), 128, np.uint8)


@pytest.mark.parametrize('metres', [0.03, 0.5, 2.0, 37.0])
def test_the_bar_is_as_long_as_it_says(metres: float) -> None:
    drawn = draw_scale_bar(GREY, metres)
    inside = (drawn[-11] != GREY[-11]).any(axis=1).nonzero()[0]
    pixels = inside[-1] - inside[0]
    assert 400 / 10 - 1 <= pixels <= 400 / 4
    assert pixels * metres == pytest.approx(
        round_length(100 * metres), abs=metres
    )
    assert (GREY == 128).all()


def test_a_small_picture_has_no_room() -> None:
    small = np.zeros((20, 400, 3), np.uint8)
    assert draw_scale_bar(small, 1.0) is small


@pytest.mark.parametrize(
    ('metres', 'length', 'text'),
    [
        (0.34, 0.2, '20 cm'),
        (1.0, 1, '1 m'),
        (99.0, 50, '50 m'),
        (2500.0, 2000, '2 km'),
    ],
)
def test_lengths_are_round(metres: float, length: float, text: str) -> None:
    assert round_length(metres) == pytest.approx(length)
    assert readable_length(round_length(metres)) == text
