# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Intervals of the scores by drawing images again (bootstrap)."""

import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ..scores import HARMONIC, MEAN, SEEN, UNSEEN

REPLICATES = 1000
_CHUNK = 100  # replicates at a time


class Interval(NamedTuple):
    """A score with its spread.

    Attributes:
        value (float): Of all images.
        mean (float): Over the replicates.
        low (float): Lower end of the 95 % interval.
        high (float): Its upper end.
    """

    value: float
    mean: float
    low: float
    high: float


def class_iou(counts: np.ndarray) -> np.ndarray:
    """IoU of each class.

    Args:
        counts (np.ndarray): (..., T, 3) pixels of intersection, prediction
            and truth.

    Returns:
        np.ndarray: (..., T) percent; nan where the truth has no pixel, as in
        :class:`OpenVocabIoUMetric`.
    """
    both, guess, truth = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    union = np.where(truth > 0, guess + truth - both, np.nan)
    return 100 * both / union


def batch_means(
    iou: np.ndarray, seen: Sequence[bool] | None
) -> dict[str, np.ndarray]:
    """:func:`open_vocab_means` of many results at once.

    Args:
        iou (np.ndarray): (..., T).
        seen (Sequence[bool] | None): Seen mark per class.

    Returns:
        dict[str, np.ndarray]: (...) by the names of the means.
    """
    means = {}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # only nan
        if seen is not None:
            marks = np.asarray(seen, bool)
            means[SEEN] = np.nanmean(iou[..., marks], axis=-1)
            means[UNSEEN] = np.nanmean(iou[..., ~marks], axis=-1)
            product = 2 * means[SEEN] * means[UNSEEN]
            total = means[SEEN] + means[UNSEEN]
            zero = total == 0
            harmonic = product / np.where(zero, 1, total)
            means[HARMONIC] = np.where(zero, 0.0, harmonic)
        means[MEAN] = np.nanmean(iou, axis=-1)
    return means


def replicate_iou(
    counts: np.ndarray, replicates: int = REPLICATES, seed: int = 0
) -> np.ndarray:
    """IoU per class of resampled sets of images.

    N images are drawn from the N images with replacement; the counts of
    those drawn are added up. The draws depend on N, `replicates` and `seed`
    only, so two runs over the same images get the same draws and can be
    compared pair by pair.

    Args:
        counts (np.ndarray): (N, T, 3) pixels of intersection, prediction
            and truth.
        replicates (int): R.
        seed (int): Of the draws.

    Returns:
        np.ndarray: (R, T) percent.
    """
    images, classes, _ = counts.shape
    flat = counts.reshape(images, -1).astype(np.float64)
    parts = [
        class_iou((drawn @ flat).reshape(-1, classes, 3))
        for drawn in _draws(images, replicates, seed)
    ]
    return np.concatenate(parts)


def score_intervals(
    counts: np.ndarray,
    seen: Sequence[bool] | None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> tuple[dict[str, Interval], list[Interval]]:
    """The means and the IoU of each class with their 95 % intervals.

    Percentile intervals (Efron and Tibshirani 1993, chapter 13) over images.

    Args:
        counts (np.ndarray): (N, T, 3); see :func:`replicate_iou`.
        seen (Sequence[bool] | None): Seen mark per class.
        replicates (int): Sets of images that are drawn.
        seed (int): Of the draws.

    Returns:
        tuple[dict[str, Interval], list[Interval]]: The means by name, and
        the classes in their order.
    """
    total = class_iou(counts.sum(axis=0))
    drawn = replicate_iou(counts, replicates, seed)
    values = batch_means(total, seen)
    means = {
        name: interval(float(values[name]), column)
        for name, column in batch_means(drawn, seen).items()
    }
    classes = [
        interval(float(value), column)
        for value, column in zip(total, drawn.T, strict=True)
    ]
    return means, classes


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    seen: Sequence[bool] | None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, tuple[Interval, float]]:
    """How much better the second run is, on the same draws of images.

    Args:
        first (np.ndarray): (N, T, 3) counts of the first run.
        second (np.ndarray): Those of the second, of the same images.
        seen (Sequence[bool] | None): Seen mark per class.
        replicates (int): Sets of images that are drawn.
        seed (int): Of the draws.

    Returns:
        dict[str, tuple[Interval, float]]: Per mean the difference second
        minus first, and the share of draws in which it is above 0.
    """
    totals = [
        batch_means(class_iou(run.sum(axis=0)), seen)
        for run in (first, second)
    ]
    drawn = [
        batch_means(replicate_iou(run, replicates, seed), seen)
        for run in (first, second)
    ]
    found = {}
    for name in totals[0]:
        column = drawn[1][name] - drawn[0][name]
        value = float(totals[1][name] - totals[0][name])
        known = column[~np.isnan(column)]
        above = float((known > 0).mean()) if known.size else float('nan')
        found[name] = interval(value, column), above
    return found


def interval(value: float, replicates: np.ndarray) -> Interval:
    """Mean and 2.5th and 97.5th percentile of replicates that are not nan."""
    known = replicates[~np.isnan(replicates)]
    if not known.size:
        return Interval(value, *(float('nan'),) * 3)
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(known.mean()), float(low), float(high))


def _draws(images: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image is drawn, (r, N), for some replicates at a time."""
    rng = np.random.default_rng(seed)
    shares = np.full(images, 1 / images)
    for start in range(0, replicates, _CHUNK):
        size = min(_CHUNK, replicates - start)
        yield rng.multinomial(images, shares, size).astype(np.float64)
