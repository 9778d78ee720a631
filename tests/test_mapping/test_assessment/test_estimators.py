# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The estimators against the paper's example, and against truth."""

import numpy as np
import pytest

from aeroseg.mapping.assessment.estimators import (
    allocate,
    assess,
    sample_size,
)

# Always there: mmsegmentation needs it.
stats = pytest.importorskip('scipy.stats')

# The example of section 5 of Olofsson et al. 2014: deforestation, forest
# gain, stable forest, stable non-forest; pixels of 30 m.
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
HECTARES = PIXELS * 0.09
MATRIX = np.array(
    [
        [66, 0, 5, 4],
        [0, 55, 8, 12],
        [1, 0, 153, 11],
        [2, 1, 9, 313],
    ]
)


def test_the_areas_of_the_paper() -> None:
    found = assess(MATRIX, HECTARES)
    total = HECTARES.sum()
    areas = (total * found.area.value).round()
    margins = (total * found.area.margin).round()
    assert areas[:2].tolist() == [21_158, 11_686]
    assert areas[2:].tolist() == [285_770, 581_386]
    # The paper rounds 1.96 standard errors.
    np.testing.assert_allclose(
        margins, [6_158, 3_756, 15_510, 16_282], atol=1.5
    )


def test_the_accuracies_of_the_paper() -> None:
    found = assess(MATRIX, HECTARES)
    users, producers, overall = found.users, found.producers, found.overall
    assert users.value.round(2).tolist() == [0.88, 0.73, 0.93, 0.96]
    assert users.margin.round(2).tolist() == [0.07, 0.10, 0.04, 0.02]
    assert producers.value.round(2).tolist() == [0.75, 0.85, 0.93, 0.96]
    assert producers.margin.round(2)[0] == 0.21
    assert (overall.value.round(2), overall.margin.round(2)) == (0.95, 0.02)


def test_the_sample_size_of_the_paper() -> None:
    expected = np.array([0.70, 0.60, 0.90, 0.95])
    margin = 0.01 * 1.959964
    assert sample_size(PIXELS, expected, margin) == 641
    assert sample_size(PIXELS, expected, margin, PIXELS.sum()) == 641


def test_the_allocation_of_the_paper() -> None:
    points = allocate(HECTARES, PIXELS, 640, 75)
    # The paper rounds the last two to 165 and 325.
    assert points.tolist() == [75, 75, 162, 328]


def plain(matrix: np.ndarray, areas: np.ndarray) -> dict[str, np.ndarray]:
    """Equations 4 to 10 as they are printed, cell by cell."""
    size = range(len(areas))
    weight = areas / areas.sum()
    n = matrix.sum(axis=1)
    p = [[weight[i] * matrix[i, j] / n[i] for j in size] for i in size]
    column = [sum(p[i][k] for i in size) for k in size]
    users = [p[i][i] / sum(p[i]) for i in size]
    producers = [p[j][j] / column[j] for j in size]
    area_error = [
        sum((weight[i] * p[i][k] - p[i][k] ** 2) / (n[i] - 1) for i in size)
        ** 0.5
        for k in size
    ]
    users_error = [
        (users[i] * (1 - users[i]) / (n[i] - 1)) ** 0.5 for i in size
    ]
    overall_error = sum(
        weight[i] ** 2 * users[i] * (1 - users[i]) / (n[i] - 1) for i in size
    )
    total = [sum(areas[i] / n[i] * matrix[i, j] for i in size) for j in size]
    producers_error = []
    for j in size:
        own = (
            areas[j] ** 2
            * (1 - producers[j]) ** 2
            * users[j]
            * (1 - users[j])
            / (n[j] - 1)
        )
        others = sum(
            areas[i] ** 2
            * (matrix[i, j] / n[i])
            * (1 - matrix[i, j] / n[i])
            / (n[i] - 1)
            for i in size
            if i != j
        )
        variance = (own + producers[j] ** 2 * others) / total[j] ** 2
        producers_error.append(variance**0.5)
    return {
        'area': np.array([column, area_error]),
        'users': np.array([users, users_error]),
        'producers': np.array([producers, producers_error]),
        'overall': np.array([sum(p[i][i] for i in size), overall_error**0.5]),
    }


def test_the_estimates_are_those_of_the_printed_equations() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = rng.integers(1, 40, (5, 5)) + 60 * np.eye(5, dtype=int)
        areas = rng.random(5) * 1000
        found = assess(matrix, areas)._asdict()
        for name, expected in plain(matrix, areas).items():
            value, error = expected
            np.testing.assert_allclose(found[name].value, value, rtol=1e-12)
            np.testing.assert_allclose(found[name].error, error, rtol=1e-10)


def test_many_samples_at_once_are_those_one_by_one() -> None:
    rng = np.random.default_rng(1)
    many = rng.integers(1, 30, (7, 4, 5))
    found = assess(many, HECTARES, PIXELS)
    for index, matrix in enumerate(many):
        one = assess(matrix, HECTARES, PIXELS)
        np.testing.assert_allclose(found.area.error[index], one.area.error)
        np.testing.assert_allclose(
            found.producers.error[index], one.producers.error
        )
        np.testing.assert_allclose(
            found.overall.value[index], one.overall.value
        )


def test_a_class_that_the_map_lacks() -> None:
    """No stratum, but points that are of it: its area is estimated."""
    matrix = np.array([[8, 0, 2], [0, 0, 0]])
    found = assess(matrix, np.array([10.0, 0.0]))
    np.testing.assert_allclose(found.area.value, [0.8, 0, 0.2])
    assert np.isnan(found.users.value[1])
    assert found.producers.value[2] == 0
    assert np.isnan(found.producers.value[1])


def test_a_stratum_that_is_labelled_whole_adds_no_error() -> None:
    matrix = np.array([[3, 2], [0, 1]])
    found = assess(matrix, np.array([5.0, 1.0]), np.array([5, 1]))
    np.testing.assert_allclose(found.area.value, [0.5, 0.5])
    np.testing.assert_allclose(found.area.error, 0, atol=1e-12)


def test_a_single_point_in_a_stratum_is_refused() -> None:
    with pytest.raises(ValueError, match='at least two'):
        assess(np.array([[3, 2], [0, 1]]), np.array([5.0, 1.0]))


def test_intervals_are_wilsons_where_there_is_one_stratum() -> None:
    matrix = np.array([[19, 1], [0, 0]])
    found = assess(matrix, np.array([1.0, 0.0]))
    # As scipy has it, but that the design is known to half a point more.
    theirs = stats.binomtest(19, 20).proportion_ci(0.95, 'wilson')
    assert found.users.low[0] == pytest.approx(theirs.low, abs=0.02)
    assert found.users.high[0] == pytest.approx(theirs.high, abs=0.02)


def test_intervals_stay_between_0_and_1_and_are_never_empty() -> None:
    matrix = np.array([[20, 0, 0], [0, 20, 0]])
    found = assess(matrix, np.array([1.0, 9.0]))
    for estimate in (found.area, found.users, found.overall):
        assert (estimate.low >= 0).all()
        assert (estimate.high <= 1).all()
        assert (estimate.low < estimate.high).all()
        assert (estimate.low <= estimate.value).all()
        assert (estimate.value <= estimate.high).all()
    # Nobody saw the third class, but it may be there.
    assert found.area.value[2] == 0
    assert 0.01 < found.area.high[2] < 0.2


def test_points_are_shared_out() -> None:
    pixels = np.array([30, 0, 1000, 100_000])
    points = allocate(pixels / 100, pixels, 400, 50)
    assert points.tolist() == [30, 0, 50, 320]
    # More than was asked for, where every class needs its least.
    assert allocate(pixels / 100, pixels, 60, 50).tolist() == [30, 0, 50, 50]
    # No more than there are.
    assert allocate(pixels[:1] / 100, pixels[:1], 60, 50).tolist() == [30]
