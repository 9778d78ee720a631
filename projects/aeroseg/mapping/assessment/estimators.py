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
_TINY = 1e-30
_ADDED = 2  # points, as Agresti and Coull 1998 add
_Figure = tuple[np.ndarray, np.ndarray]  # a value and its variance


class Estimate(NamedTuple):
    """A share, 0 to 1, with its uncertainty; arrays of any shape.

    Attributes:
        value (np.ndarray): The estimate; nan where there is nothing to
            estimate it from.
        error (np.ndarray): Its standard error, by the paper.
        low (np.ndarray): Lower end of the 95 % interval.
        high (np.ndarray): Its upper end.
    """

    value: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def margin(self) -> np.ndarray:
        """1.96 standard errors, the paper's half of an interval."""
        return _Z * self.error


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

    Values and standard errors are the paper's. Its interval, 1.96 standard
    errors to both sides, is too short where a class is rare: a stratum in
    which no point was of the class adds no error. The interval here is
    Wilson's with the effective number of points, p (1 - p) / variance
    (Korn and Graubard 1998), for which the variance is taken with two more
    points in each stratum, shared equally among the classes.

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
    added = _ADDED / counts.shape[-1]
    more = (counts + added) / (points + _ADDED)[..., None]
    plain, careful = (
        _figures(weight, shares, rest) for shares in (row_shares, more)
    )
    found = [_estimate(*both) for both in zip(plain, careful, strict=True)]
    area, users, producers, overall = found
    nothing = np.where(points > 0, 0, np.nan)
    users = Estimate(*(part + nothing for part in users))
    shares = weight[:, None] * row_shares
    return Assessment(shares, area, users, producers, overall)


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


def _estimate(plain: _Figure, careful: _Figure) -> Estimate:
    """Wilson's interval by the effective number of points."""
    share, variance = careful
    points = share * (1 - share) / np.maximum(variance, _TINY)
    value = plain[0]
    reach = _Z**2 / np.maximum(points, _TINY)
    middle = (value + reach / 2) / (1 + reach)
    half = np.sqrt(value * (1 - value) * reach + reach**2 / 4) / (1 + reach)
    low = np.minimum(middle - half, value).clip(0, 1)  # rounding
    high = np.maximum(middle + half, value).clip(0, 1)
    return Estimate(value, np.sqrt(plain[1]), low, high)


def _figures(
    weight: np.ndarray, row_shares: np.ndarray, rest: np.ndarray
) -> tuple[_Figure, ...]:
    """Value and variance of areas, user's, producer's, overall accuracy.

    Args:
        weight (np.ndarray): (I,) share of the area per stratum.
        row_shares (np.ndarray): (..., I, J) shares within the strata.
        rest (np.ndarray): (..., I) 1 / (n - 1), with the correction.
    """
    right = np.diagonal(row_shares, axis1=-2, axis2=-1)
    spread = right * (1 - right) * rest
    return (
        _areas(weight, row_shares, rest),
        (right, spread),  # eq. 2 with eq. 4, and eq. 6
        _producers(weight, row_shares, rest),
        # eq. 1 with eq. 4, and eq. 5
        ((weight * right).sum(axis=-1), (weight**2 * spread).sum(axis=-1)),
    )


def _areas(
    weight: np.ndarray, row_shares: np.ndarray, rest: np.ndarray
) -> _Figure:
    """Area of each class: eq. 9, and its variance, eq. 10 squared.

    (W p - p**2) / (n - 1) of eq. 10, with p the cell's share of the whole
    area, is W**2 q (1 - q) / (n - 1), with q its share of the stratum.
    """
    spread = row_shares * (1 - row_shares) * rest[..., None]
    variance = (weight[:, None] ** 2 * spread).sum(axis=-2)
    return (weight[:, None] * row_shares).sum(axis=-2), variance


def _producers(
    weight: np.ndarray, row_shares: np.ndarray, rest: np.ndarray
) -> _Figure:
    """Producer's accuracy: eq. 3 with eq. 4, and its variance, eq. 7.

    With N_i. and N_.j of eqs. 7 and 8 as shares of the area.
    """
    strata, classes = row_shares.shape[-2:]
    own = np.eye(strata, classes, dtype=bool)
    total = (weight[:, None] * row_shares).sum(axis=-2)
    known = np.where(total > 0, total, np.nan)
    value = (weight[:, None] * row_shares * own).sum(axis=-2) / known
    spread = row_shares * (1 - row_shares) * rest[..., None]
    part = weight[:, None] ** 2 * spread
    inside = (part * own).sum(axis=-2) * (1 - value) ** 2
    outside = (part * ~own).sum(axis=-2) * value**2
    return value, (inside + outside) / known**2


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
