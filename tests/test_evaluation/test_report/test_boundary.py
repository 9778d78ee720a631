# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Boundary counts against a search by hand, pixel by pixel."""

import numpy as np
import pytest

from aeroseg.evaluation.report.boundary import boundary_mask, count_pixels

IGNORED = 255


def mask_by_search(
    ids: np.ndarray, width: int, unknown: np.ndarray
) -> np.ndarray:
    """Any known pixel of another class in the square around?"""
    height, breadth = ids.shape
    found = np.zeros(ids.shape, bool)
    for y in range(height):
        for x in range(breadth):
            for v in range(max(y - width, 0), min(y + width + 1, height)):
                for u in range(max(x - width, 0), min(x + width + 1, breadth)):
                    if not unknown[v, u] and ids[v, u] != ids[y, x]:
                        found[y, x] = True
    return found


def boundary_iou_by_search(
    guess: np.ndarray, truth: np.ndarray, label: int, width: int
) -> float:
    """Equation 2 of Boundary IoU, as sets of pixels of one class."""
    valid = truth != IGNORED
    nowhere = np.zeros(truth.shape, bool)
    near_guess = mask_by_search(guess, width, nowhere)
    near_truth = mask_by_search(truth, width, ~valid)
    first = set(
        zip(*np.nonzero((guess == label) & near_guess & valid), strict=True)
    )
    second = set(
        zip(*np.nonzero((truth == label) & near_truth & valid), strict=True)
    )
    return len(first & second) / len(first | second)


def blobs(seed: int, ids: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, ids, (5, 6)).repeat(5, axis=0).repeat(5, axis=1)


@pytest.mark.parametrize('width', [1, 2, 3])
def test_boundary_iou_equals_a_search_by_hand(width: int) -> None:
    truth = blobs(0)
    guess = np.roll(truth, 1, axis=1)
    guess[10:14, 3:9] = 2
    guess[0, :4] = 255  # background
    truth[20:, 20:25] = IGNORED
    counts = count_pixels(guess, truth, 4, IGNORED, width).astype(np.float64)
    both, near, far = counts[:, 3:].T
    for label in range(4):
        expected = boundary_iou_by_search(guess, truth, label, width)
        found = both[label] / (near[label] + far[label] - both[label])
        assert found == pytest.approx(expected, abs=1e-12)


def test_plain_counts_are_those_of_the_iou() -> None:
    truth, guess = blobs(1), blobs(2)
    truth[:3] = IGNORED
    guess[5:8] = 7  # no class
    counts = count_pixels(guess, truth, 4, IGNORED, 1)
    valid = truth != IGNORED
    for label in range(4):
        a, b = (guess == label) & valid, (truth == label) & valid
        assert counts[label, :3].tolist() == [(a & b).sum(), a.sum(), b.sum()]


def test_neither_the_edge_nor_the_unknown_ends_a_class() -> None:
    ids = np.zeros((9, 9), np.int64)
    assert not boundary_mask(ids, 3).any()
    ids[:, 6:] = IGNORED
    assert not boundary_mask(ids, 3, IGNORED)[:, :6].any()
    ids[:, 5] = 1
    expected = np.zeros((9, 9), bool)
    expected[:, 3:6] = True
    found = boundary_mask(ids, 2, IGNORED)
    np.testing.assert_array_equal(found[:, :6], expected[:, :6])


def test_a_perfect_map_has_a_boundary_iou_of_one() -> None:
    truth = blobs(3)
    counts = count_pixels(truth, truth, 4, IGNORED, 2)
    assert (counts[:, 3] == counts[:, 4]).all()
    assert (counts[:, 3] == counts[:, 5]).all()
    assert counts[:, 3].sum() > 0
