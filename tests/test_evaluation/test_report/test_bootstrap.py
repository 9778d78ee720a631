# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Intervals agree with scipy's, and pairs are drawn together."""

import numpy as np
import pytest

from aeroseg.evaluation.report.bootstrap import (
    batch_means,
    class_iou,
    interval,
    paired_difference,
    replicate_iou,
    score_intervals,
)
from aeroseg.evaluation.scores import open_vocab_means

# Always there: mmsegmentation needs it.
stats = pytest.importorskip('scipy.stats')

SEEN = (True, False, True, False)


def counts(images: int = 40, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    both = rng.integers(0, 500, (images, 4))
    guess, truth = both + rng.integers(0, 400, (2, images, 4))
    return np.stack([both, guess, truth], axis=-1)


def test_iou_is_nan_without_truth() -> None:
    table = np.array([[5, 10, 15], [0, 3, 0], [0, 0, 0]])
    np.testing.assert_array_equal(class_iou(table), [25, np.nan, np.nan])


def test_batch_means_are_the_means_of_each_row() -> None:
    iou = 100 * np.random.default_rng(1).random((30, 4))
    iou[3, 0] = iou[4, 1] = np.nan
    iou[5, [0, 2]] = np.nan
    iou[6, [1, 3]] = 0
    iou[7] = np.nan
    for marks in (SEEN, None):
        found = batch_means(iou, marks)
        for index, row in enumerate(iou):
            for name, value in open_vocab_means(row, marks).items():
                assert found[name][index] == pytest.approx(
                    value, nan_ok=True, abs=1e-12
                )


def test_intervals_agree_with_scipy() -> None:
    table = counts()
    means, classes = score_intervals(table, SEEN, replicates=20_000)

    def harmonic(index: np.ndarray) -> float:
        iou = class_iou(table[index].sum(axis=0))
        return open_vocab_means(iou, SEEN)['h-mIoU']

    theirs = stats.bootstrap(
        (np.arange(len(table)),),
        harmonic,
        n_resamples=4000,
        method='percentile',
        vectorized=False,
        rng=np.random.default_rng(5),
    ).confidence_interval
    ours = means['h-mIoU']
    assert ours.value == pytest.approx(harmonic(np.arange(len(table))))
    width = ours.high - ours.low
    assert abs(ours.low - theirs.low) < 0.05 * width
    assert abs(ours.high - theirs.high) < 0.05 * width
    assert ours.low < ours.mean < ours.high
    assert len(classes) == 4


def test_a_replicate_is_a_draw_with_replacement() -> None:
    table = counts(images=2)
    allowed = class_iou(np.stack([2 * table[0], table.sum(0), 2 * table[1]]))
    drawn = replicate_iou(table, replicates=200)
    found = {int(np.abs(allowed - row).sum(axis=1).argmin()) for row in drawn}
    assert found == {0, 1, 2}
    nearest = np.abs(allowed[:, None] - drawn).max(axis=-1).min(axis=0)
    np.testing.assert_allclose(nearest, 0, atol=1e-9)


def test_the_same_run_twice_differs_by_nothing() -> None:
    table = counts()
    for difference, above in paired_difference(table, table, SEEN).values():
        assert difference == (0, 0, 0, 0)
        assert above == 0


def test_pairing_finds_what_separate_intervals_cannot() -> None:
    table = counts(seed=2)
    better = table.copy()
    better[..., 0] += (0.05 * (table[..., 1] - table[..., 0])).astype(int) + 1
    better[..., 0] = np.minimum(better[..., 0], table[..., 1:].min(axis=-1))
    found, above = paired_difference(table, better, SEEN)['h-mIoU']
    assert 0 < found.low < found.value < found.high
    assert above == 1
    one, two = (
        score_intervals(run, SEEN)[0]['h-mIoU'] for run in (table, better)
    )
    assert one.high > two.low


def test_coverage_of_the_interval() -> None:
    """Of 300 test sets, about 95 % hold the score of the population."""
    world = counts(images=20_000, seed=3)
    truth = float(batch_means(class_iou(world.sum(0)), SEEN)['h-mIoU'])
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(300):
        drawn = world[rng.integers(0, len(world), 100)]
        found = score_intervals(drawn, SEEN, replicates=300)[0]['h-mIoU']
        inside += found.low <= truth <= found.high
    assert 0.91 <= inside / 300 <= 0.98


def test_nan_replicates_do_not_count() -> None:
    values = np.array([np.nan, 1.0, 2.0, 3.0])
    assert interval(2.0, values).mean == 2
    assert np.isnan(interval(np.nan, np.full(3, np.nan)).low)
