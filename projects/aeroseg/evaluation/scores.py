# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The arithmetic of the scores, without any framework."""

from collections.abc import Sequence

import numpy as np

SEEN, UNSEEN, HARMONIC, MEAN = 's-mIoU', 'u-mIoU', 'h-mIoU', 'mIoU'


def harmonic_mean(first: float, second: float) -> float:
    """Harmonic mean of two scores.

    Args:
        first (float): A score that is not negative.
        second (float): A score that is not negative, of the same scale.

    Returns:
        float: ``2 a b / (a + b)``; 0 where one or both are 0, nan where
        either is nan.
    """
    if np.isnan(first) or np.isnan(second):
        return float('nan')
    if first <= 0 or second <= 0:
        return 0.0
    return 2 * first * second / (first + second)


def mean_of_valid(values: Sequence[float] | np.ndarray) -> float:
    """Mean of the entries that are not nan; nan where there are none."""
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[~np.isnan(numbers)]
    return float(numbers.mean()) if numbers.size else float('nan')


def open_vocab_means(
    values: Sequence[float] | np.ndarray,
    seen: Sequence[bool] | None,
) -> dict[str, float]:
    """Means over the seen, the unseen and all classes.

    Section 4.1 of AerOSeg (arXiv:2504.09203): the harmonic mean is taken of
    the seen and the unseen mean.

    Args:
        values (Sequence[float]): IoU per class, of any scale, (T,). A nan
            entry (a class without a pixel in the truth) is in no mean.
        seen (Sequence[bool] | None): Seen mark per class, (T,).

    Returns:
        dict[str, float]: 's-mIoU', 'u-mIoU' and 'h-mIoU' where the marks are
        known, and 'mIoU'. A mean over no class is nan.
    """
    numbers = np.asarray(values, dtype=np.float64)
    means = {}
    if seen is not None:
        marks = np.asarray(seen, dtype=bool)
        means[SEEN] = mean_of_valid(numbers[marks])
        means[UNSEEN] = mean_of_valid(numbers[~marks])
        means[HARMONIC] = harmonic_mean(means[SEEN], means[UNSEEN])
    means[MEAN] = mean_of_valid(numbers)
    return means


def weighted_mean(
    values: Sequence[float] | np.ndarray, weights: Sequence[float] | np.ndarray
) -> float:
    """Mean with weights, such as the IoU by the pixels of each class (fwIoU).

    Args:
        values (Sequence[float]): Scores, (T,); nan entries do not count.
        weights (Sequence[float]): Not negative, (T,).

    Returns:
        float: nan where no value has a weight.
    """
    numbers = np.asarray(values, dtype=np.float64)
    shares = np.asarray(weights, dtype=np.float64)
    counts = ~np.isnan(numbers) & (shares > 0)
    if not counts.any():
        return float('nan')
    return float(np.average(numbers[counts], weights=shares[counts]))
