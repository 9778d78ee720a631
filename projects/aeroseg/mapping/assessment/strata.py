# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The classes of a map as strata, and random points in them."""

from typing import NamedTuple

import numpy as np

from .estimators import allocate, sample_size
from .label_map import LabelMap

_SQUARE_METRES = 10_000  # per hectare


class Strata(NamedTuple):
    """How much of a map each class covers.

    Attributes:
        rows (np.ndarray): (H, K) pixels per row and class.
        pixels (np.ndarray): (K,) pixels per class.
        areas (np.ndarray): (K,) hectares; pixels where `in_hectares` is not.
        in_hectares (bool): Whether the area of a pixel is known.
    """

    rows: np.ndarray
    pixels: np.ndarray
    areas: np.ndarray
    in_hectares: bool


class Points(NamedTuple):
    """Pixels of a map, in random order.

    Attributes:
        row (np.ndarray): (N,) from the top.
        column (np.ndarray): (N,) from the left.
        stratum (np.ndarray): (N,) id in the map.
    """

    row: np.ndarray
    column: np.ndarray
    stratum: np.ndarray


def find_strata(labels: LabelMap) -> Strata:
    """Count a map.

    Raises:
        ValueError: If no pixel has a class.
    """
    rows = labels.count_rows()
    pixels = rows.sum(axis=0)
    if not pixels.any():
        raise ValueError(f'{labels.path} has no pixel of any class')
    if labels.row_areas is None:
        return Strata(rows, pixels, pixels.astype(np.float64), False)
    return Strata(rows, pixels, labels.row_areas @ rows / _SQUARE_METRES, True)


def plan_points(
    strata: Strata,
    total: int | None,
    at_least: int,
    accuracy: float,
    margin: float,
) -> np.ndarray:
    """Points per class.

    Args:
        strata (Strata): Of the map.
        total (int | None): Points in all; None for as many as the margin
            asks for.
        at_least (int): Points of a rare class.
        accuracy (float): User's accuracy that is expected, 0 to 1.
        margin (float): See :func:`sample_size`.

    Returns:
        np.ndarray: (K,) int64; 0 for a class that the map does not have.
    """
    if total is None:
        total = sample_size(
            strata.areas, accuracy, margin, float(strata.pixels.sum())
        )
    return allocate(strata.areas, strata.pixels, total, at_least)


def draw_points(
    labels: LabelMap, strata: Strata, numbers: np.ndarray, seed: int
) -> Points:
    """Draw pixels of each class, without replacement.

    Every part of a class's area has the same chance: in a map in degrees a
    pixel is the less likely to be drawn the smaller it is.

    Args:
        labels (LabelMap): The map.
        strata (Strata): Of that map.
        numbers (np.ndarray): (K,) points per class.
        seed (int): Of the draws.

    Returns:
        Points: In random order, so that the order tells no class.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        (index, *_draw(rng, int(number), strata.rows[:, index], labels))
        for index, number in enumerate(numbers)
        if number
    ]
    stratum = np.concatenate(
        [np.full(len(row), index) for index, row, _ in drawn]
    )
    row = np.concatenate([row for _, row, _ in drawn])
    rank = np.concatenate([rank for *_, rank in drawn])
    column = _find_columns(labels, row, rank, stratum)
    order = rng.permutation(len(row))
    return Points(row[order], column[order], stratum[order])


def _draw(
    rng: np.random.Generator, number: int, counts: np.ndarray, labels: LabelMap
) -> tuple[np.ndarray, np.ndarray]:
    """Row of each pixel drawn, and which of the class's pixels in it."""
    ends = counts.cumsum()
    total = int(ends[-1])
    chosen: dict[int, None] = {}
    if number >= total:
        chosen = dict.fromkeys(range(total))
    weight = np.ones(len(counts))
    if labels.row_areas is not None:
        weight = labels.row_areas / labels.row_areas[counts > 0].max()
    while len(chosen) < min(number, total):
        found = rng.integers(total, size=number)
        rows = np.searchsorted(ends, found, 'right')
        kept = rng.random(number) < weight[rows]
        chosen |= dict.fromkeys(found[kept].tolist())
    picks = np.array(list(chosen)[:number], np.int64)
    rows = np.searchsorted(ends, picks, 'right')
    return rows, picks - (ends - counts)[rows]


def _find_columns(
    labels: LabelMap, row: np.ndarray, rank: np.ndarray, stratum: np.ndarray
) -> np.ndarray:
    columns = np.zeros(len(row), np.int64)
    for top, piece in labels.pieces():
        for place in np.flatnonzero((row >= top) & (row < top + len(piece))):
            line = piece[row[place] - top]
            columns[place] = np.flatnonzero(line == stratum[place])[
                rank[place]
            ]
    return columns
