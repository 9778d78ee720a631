# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.mapping.windows.tiling import Tiling


@pytest.mark.parametrize('length', [1, 3, 63, 64, 65, 100, 113, 1000, 4096])
@pytest.mark.parametrize('overlap', [0, 1, 16, 40, 63])
def test_weights_add_up_to_one_everywhere(length: int, overlap: int) -> None:
    axis = Tiling(64, overlap).axis(length)
    total = np.zeros(length)
    for start, weight in zip(axis.starts, axis.weights, strict=True):
        assert 0 <= start <= length - axis.size
        total[start : start + axis.size] += weight
    assert total == pytest.approx(np.ones(length), abs=1e-6)


def test_neighbours_overlap_at_least_as_asked() -> None:
    axis = Tiling(64, 16).axis(500)
    steps = np.diff(axis.starts)
    assert (steps <= 64 - 16).all()
    assert axis.starts[0] == 0
    assert axis.starts[-1] == 500 - 64


def test_margin_is_dropped_inside_but_kept_at_the_border() -> None:
    axis = Tiling(64, 16, margin=5).axis(200)
    first, second = axis.weights[:2]
    assert (first[:5] == 1).all()
    assert (first[-5:] == 0).all()
    assert (second[:5] == 0).all()
    assert second[6] > 0


def test_weights_are_smooth() -> None:
    weight = Tiling(64, 32, margin=0).axis(200).weights[1]
    assert np.abs(np.diff(weight)).max() < 0.08


def test_complete_and_first_reaching_agree() -> None:
    axis = Tiling(64, 16).axis(500)
    assert axis.complete(len(axis) - 1) == 500
    for index in range(len(axis) - 1):
        done = axis.complete(index)
        assert done == axis.starts[index + 1]
        assert axis.first_reaching(done) <= index + 1


def test_side_shorter_than_a_window_is_one_window() -> None:
    axis = Tiling(64, 16).axis(7)
    assert (axis.size, axis.starts) == (7, [0])
    assert axis.weights[0].tolist() == [1] * 7


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'window': 0}, 'at least 1'),
        ({'batch': 0}, 'at least 1'),
        ({'window': 64, 'overlap': 64}, 'below the window'),
        ({'overlap': -1}, 'below the window'),
        ({'overlap': 16, 'margin': 8}, 'half of the overlap'),
        ({'overlap': 16, 'margin': -1}, 'half of the overlap'),
    ],
)
def test_numbers_that_do_not_fit_are_refused(
    values: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Tiling(**values)


def test_empty_side_is_refused() -> None:
    with pytest.raises(ValueError, match='0 pixels'):
        Tiling().axis(0)
