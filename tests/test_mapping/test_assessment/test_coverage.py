# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""On maps of the generated world, 95 % intervals hold the truth as often.

The map takes each pixel for the class whose colour is nearest, which is
right for two pixels of three and never finds two of the classes.
"""

import numpy as np
import pytest

from aeroseg.mapping.assessment.estimators import (
    Assessment,
    allocate,
    assess,
)
from aeroseg.world import make_scene
from aeroseg.world.classes import CLASSES, COLOURS

SIMULATIONS = 1000


@pytest.fixture(scope='module')
def confusion() -> np.ndarray:
    """Pixels (19, 19) of 16 scenes, by class in the map and in truth."""
    scenes = [make_scene(index, 3) for index in range(16)]
    colours = [(c, k) for k, n in enumerate(CLASSES) for c in COLOURS[n]]
    truth = np.stack([scene.label[::2, ::2] for scene in scenes]).astype(int)
    image = np.stack([scene.image[::2, ::2] for scene in scenes]).astype(float)
    away = [np.square(image - colour).sum(axis=-1) for colour, _ in colours]
    labels = np.array([k for _, k in colours])[np.argmin(away, axis=0)]
    size = len(CLASSES)
    pairs = np.bincount((labels * size + truth).ravel(), minlength=size**2)
    return pairs.reshape(size, size)


def by_kind(confusion: np.ndarray) -> np.ndarray:
    """The same map with eight classes: court, field, pool, road, ..."""
    kinds = sorted({name.split()[-1] for name in CLASSES})
    sums = np.zeros((len(CLASSES), len(kinds)), int)
    for index, name in enumerate(CLASSES):
        sums[index, kinds.index(name.split()[-1])] = 1
    return sums.T @ confusion @ sums


def simulate(
    confusion: np.ndarray, total: int, at_least: int = 50
) -> Assessment:
    """Draw and assess 1,000 stratified samples."""
    pixels = confusion.sum(axis=1)
    numbers = allocate(pixels.astype(float), pixels, total, at_least)
    rng = np.random.default_rng(0)
    counts = [
        rng.multivariate_hypergeometric(row, number, size=SIMULATIONS)
        for row, number in zip(confusion, numbers, strict=True)
    ]
    return assess(np.stack(counts, axis=1), pixels.astype(float), pixels)


@pytest.mark.parametrize(
    ('kinds', 'total', 'most'),
    # A class that the map never finds has intervals that are too long.
    [(True, 1000, 0.97), (False, 2000, 0.98)],
)
def test_every_area_and_the_accuracy_are_covered(
    confusion: np.ndarray, kinds: bool, total: int, most: float
) -> None:
    table = by_kind(confusion) if kinds else confusion
    found = simulate(table, total)
    shares = table / table.sum()
    area = shares.sum(axis=0)
    inside = (found.area.low <= area) & (area <= found.area.high)
    coverage = inside.mean(axis=0)
    assert coverage.min() >= 0.93, coverage
    assert coverage.max() <= most, coverage
    assert 0.94 <= coverage.mean() <= 0.96
    right = np.trace(shares)
    inside = (found.overall.low <= right) & (right <= found.overall.high)
    assert 0.93 <= inside.mean() <= 0.97
    # Unbiased: the mean of all estimates is the truth.
    error = found.area.value.std(axis=0) / SIMULATIONS**0.5
    assert (np.abs(found.area.value.mean(axis=0) - area) < 4 * error).all()


def test_accuracies_per_class_are_covered_on_the_whole(
    confusion: np.ndarray,
) -> None:
    table = by_kind(confusion)
    found = simulate(table, 1000)
    for estimate, truth in (
        (found.users, np.diag(table) / table.sum(axis=1)),
        (found.producers, np.diag(table) / table.sum(axis=0)),
    ):
        known = ~np.isnan(estimate.value)
        inside = (estimate.low <= truth) & (truth <= estimate.high)
        assert 0.93 <= inside[known].mean() <= 0.97


def test_few_points_make_intervals_longer_not_wrong(
    confusion: np.ndarray,
) -> None:
    """With 400 points, the plain 1.96 standard errors are too short."""
    table = by_kind(confusion)
    found = simulate(table, 400)
    area = table.sum(axis=0) / table.sum()
    ours = (found.area.low <= area) & (area <= found.area.high)
    plain = np.abs(found.area.value - area) <= found.area.margin
    assert ours.mean(axis=0).min() >= 0.93
    assert ours.mean() >= 0.945
    assert plain.mean() < ours.mean() - 0.02
