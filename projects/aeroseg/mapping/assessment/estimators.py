# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Unbiased areas and accuracies from a stratified random sample.

The equations are those of Olofsson et al. 2014, Good practices for
estimating area and assessing accuracy of land change, Remote Sensing of
Environment 148, 42-57. Rows are strata, the classes of the map; columns are
the classes in truth. The strata come first among the columns.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

_Z = NormalDist().inv_cdf(0.975)


class Estimate(NamedTuple):
    """A figure and its standard error; arrays of any shape.

    Attributes:
        value (np.ndarray): The estimate; nan where there is nothing to
            estimate it from.
        error (np.ndarray): Its standard error.
    """

    value: np.ndarray
    error: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """Half the width of the 95 % interval: 1.96 standard errors."""
        return _Z * self.error

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The 95 % interval, within 0 and 1."""
        low, high = self.value - self.margin, self.value + self.margin
        return low.clip(0, 1), high.clip(0, 1)


class Assessment(NamedTuple):
    """What a sample says of a map.

    Attributes:
        shares (np.ndarray): (..., I, J) estimated shares of the area.
        area (Estimate): (..., J) share of the area per class in truth.
        users (Estimate): (..., I) user's accuracy.
        producers (Estimate): (..., J) producer's accuracy.
        overall (Estimate): (...) overall accuracy.
    """

    shares: np.ndarray
    area: Estimate
    users: Estimate
    producers: Estimate
    overall: Estimate


def assess(
    counts: np.ndarray, areas: np.ndarray, pixels: np.ndarray | None = None
) -> Assessment:
    """Estimate areas and accuracies.

    Args:
        counts (np.ndarray): (..., I, J) points by stratum and class in
            truth, J >= I; the error matrix.
        areas (np.ndarray): (I,) mapped area per stratum, of any unit.
        pixels (np.ndarray, optional): (I,) pixels per stratum, for the
            finite population correction (Cochran 1977, eq. 5.25), which the
            paper leaves out: a stratum of which every pixel was labelled
            adds no error.

    Returns:
        Assessment: Estimates as shares, 0 to 1.

    Raises:
        ValueError: If a stratum that has an area has fewer than two points,
            and more pixels than points.
    """
    counts = np.asarray(counts, np.float64)
    areas = np.asarray(areas, np.float64)
    points = counts.sum(axis=-1)
    fraction = np.zeros(areas.shape)
    if pixels is not None:
        fraction = points / np.maximum(pixels, 1)
    _check(points, areas, fraction)
    weight = areas / areas.sum()
    rest = np.maximum(1 - fraction, 0) / np.maximum(points - 1, 1)
    row_shares = counts / np.maximum(points, 1)[..., None]
    shares = weight[:, None] * row_shares
    right = np.diagonal(row_shares, axis1=-2, axis2=-1)
    users = Estimate(
        np.where(points > 0, right, np.nan),
        np.where(points > 0, np.sqrt(right * (1 - right) * rest), np.nan),
    )
    return Assessment(
        shares,
        _areas(weight, row_shares, rest),
        users,
        _producers(weight, row_shares, rest),
        _overall(weight, right, rest),
    )


def _check(
    points: np.ndarray, areas: np.ndarray, fraction: np.ndarray
) -> None:
    few = (points < 2) & (areas > 0) & (fraction < 1)
    if few.any():
        strata = np.flatnonzero(few.reshape(-1, len(areas)).any(axis=0))
        raise ValueError(
            f'the strata {strata.tolist()} have fewer than two points; each '
            'class of the map needs at least two'
        )


def _areas(
    weight: np.ndarray, row_shares: np.ndarray, rest: np.ndarray
) -> Estimate:
    """Area of each class: eq. 9, and its standard error, eq. 10.

    (W p - p**2) / (n - 1) of eq. 10, with p the cell's share of the whole
    area, is W**2 q (1 - q) / (n - 1), with q its share of the stratum.
    """
    spread = row_shares * (1 - row_shares) * rest[..., None]
    variance = (weight[:, None] ** 2 * spread).sum(axis=-2)
    value = (weight[:, None] * row_shares).sum(axis=-2)
    return Estimate(value, np.sqrt(variance))


def _overall(
    weight: np.ndarray, right: np.ndarray, rest: np.ndarray
) -> Estimate:
    """Overall accuracy: eq. 1 with eq. 4, and its variance, eq. 5."""
    variance = (weight**2 * right * (1 - right) * rest).sum(axis=-1)
    return Estimate((weight * right).sum(axis=-1), np.sqrt(variance))


def _producers(
    weight: np.ndarray, row_shares: np.ndarray, rest: np.ndarray
) -> Estimate:
    """Producer's accuracy: eq. 3 with eq. 4, and its variance, eq. 7.

    With N_i. and N_.j of eqs. 7 and 8 as shares of the area.
    """
    strata, classes = row_shares.shape[-2:]
    own = np.eye(strata, classes, dtype=bool)
    total = (weight[:, None] * row_shares).sum(axis=-2)
    known = np.where(total > 0, total, np.nan)
    hit = (weight[:, None] * row_shares * own).sum(axis=-2)
    value = hit / known
    spread = row_shares * (1 - row_shares) * rest[..., None]
    part = weight[:, None] ** 2 * spread
    inside = (part * own).sum(axis=-2) * (1 - value) ** 2
    outside = (part * ~own).sum(axis=-2) * value**2
    return Estimate(value, np.sqrt(inside + outside) / known)


def sample_size(
    areas: np.ndarray,
    accuracy: float | np.ndarray,
    margin: float,
    pixels: float = np.inf,
) -> int:
    """How many points the overall accuracy needs: eq. 13.

    Args:
        areas (np.ndarray): (I,) mapped area per stratum.
        accuracy (float | np.ndarray): User's accuracies that are expected,
            0 to 1, of all strata or of each.
        margin (float): Half the width of the 95 % interval of the overall
            accuracy that is wanted, for example 0.04.
        pixels (float): Of the map.

    Returns:
        int: Points, at least 2.
    """
    weight = np.asarray(areas, np.float64) / np.sum(areas)
    accuracy = np.broadcast_to(accuracy, weight.shape)
    deviation = np.sqrt(accuracy * (1 - accuracy))
    wanted = (margin / _Z) ** 2
    spread = float((weight * deviation**2).sum()) / pixels
    needed = float((weight * deviation).sum()) ** 2 / (wanted + spread)
    return max(int(np.ceil(needed)), 2)


def allocate(
    areas: np.ndarray, pixels: np.ndarray, total: int, at_least: int
) -> np.ndarray:
    """Points per stratum, as in section 5.1.1 of the paper.

    Rare classes get a fixed number, so that their user's accuracy is known
    well enough; the rest is shared out in proportion to area.

    Args:
        areas (np.ndarray): (I,) mapped area per stratum.
        pixels (np.ndarray): (I,) pixels per stratum; no stratum gets more.
        total (int): Points in all. More are taken where the strata need
            more to have `at_least` each.
        at_least (int): Points of a rare class.

    Returns:
        np.ndarray: (I,) int64.
    """
    least = np.minimum(at_least, pixels).astype(np.int64)
    fixed = np.zeros(len(areas), bool)
    while True:
        free = ~fixed
        left = max(total - int(least[fixed].sum()), 0)
        share = left * areas / max(float(areas[free].sum()), 1e-300)
        rare = free & (share < least)
        if not rare.any():
            break
        fixed |= rare
    points = np.where(fixed, least, np.floor(share)).astype(np.int64)
    missing = total - int(points.sum())
    order = np.argsort(-np.where(fixed, -1, share - np.floor(share)))
    for index in order[: max(missing, 0)]:
        points[index] += not fixed[index]
    return np.minimum(points, pixels)
