# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Counted scores give the areas and errors of the plain formulas."""

import numpy as np
import pytest
import torch

from aeroseg.evaluation.report.score_histograms import (
    BINS,
    ScoreHistograms,
    auroc,
    score_bins,
)

# Always there: mmsegmentation needs it.
stats = pytest.importorskip('scipy.stats')

CLASSES, IGNORED = 4, 255


def images(count: int = 5) -> list[tuple[torch.Tensor, ...]]:
    """Probabilities that know something, predictions and labels."""
    generator = torch.Generator().manual_seed(1)
    made = []
    for _ in range(count):
        truth = torch.randint(0, CLASSES, (40, 30), generator=generator)
        noise = torch.randn(CLASSES, 40, 30, generator=generator) * 3 - 3
        right = torch.nn.functional.one_hot(truth, CLASSES).permute(2, 0, 1)
        probability = (noise + 2 * right).sigmoid()
        guess = probability.argmax(dim=0)
        truth[:5, :7] = IGNORED
        made.append((probability, guess, truth))
    return made


def collect() -> tuple[ScoreHistograms, np.ndarray, np.ndarray, np.ndarray]:
    histograms = ScoreHistograms(CLASSES)
    kept = []
    for probability, guess, truth in images():
        histograms.update(probability, guess, truth, IGNORED)
        valid = truth != IGNORED
        kept.append((probability[:, valid], guess[valid], truth[valid]))
    scores, guesses, labels = zip(*kept, strict=True)
    return (
        histograms,
        torch.cat(scores, dim=1).double().numpy(),
        torch.cat(guesses).numpy(),
        torch.cat(labels).numpy(),
    )


def exact_average_precision(scores: np.ndarray, right: np.ndarray) -> float:
    """Mean precision at each positive, from the highest score down."""
    order = np.argsort(-scores, kind='stable')
    hits = right[order]
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def threshold_average_precision(
    scores: np.ndarray, right: np.ndarray
) -> float:
    """Precision times the gain of recall, at each score that occurs."""
    area = recall = 0.0
    for threshold in np.unique(scores)[::-1]:
        chosen = right[scores >= threshold]
        gained = chosen.sum() / right.sum() - recall
        area += chosen.mean() * gained
        recall += gained
    return area


def test_average_precision_is_that_of_every_threshold() -> None:
    histograms, scores, _, labels = collect()
    found = histograms.average_precision()
    for label in range(CLASSES):
        right = labels == label
        expected = exact_average_precision(scores[label], right)
        assert found[label] == pytest.approx(expected, abs=1e-3)
        # Exact for the scores as they are counted.
        halves = scores[label].astype(np.float16)
        at_each = threshold_average_precision(halves, right)
        assert found[label] == pytest.approx(at_each, abs=1e-12)


def test_a_class_without_truth_has_no_average_precision() -> None:
    histograms = ScoreHistograms(2)
    truth = torch.zeros(3, 3, dtype=torch.int64)
    histograms.update(torch.rand(2, 3, 3), truth, truth, IGNORED)
    first, second = histograms.average_precision()
    assert first == 1
    assert np.isnan(second)


def test_calibration_error_is_the_sum_over_bins() -> None:
    histograms, scores, guess, labels = collect()
    confidence = scores.max(axis=0)
    right = guess == labels
    expected = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    curve = histograms.reliability()
    assert curve.error == pytest.approx(expected, abs=1e-6)
    assert curve.pixels.sum() == len(labels)


def test_a_calibrated_model_has_no_error() -> None:
    generator = torch.Generator().manual_seed(2)
    first = torch.rand(1, 500, 500, generator=generator) / 2 + 0.5
    probability = torch.cat([first, 1 - first])
    draw = torch.rand(500, 500, generator=generator)
    truth = (draw > first[0]).long()
    histograms = ScoreHistograms(2)
    histograms.update(probability, truth * 0, truth, IGNORED)
    assert histograms.reliability().error < 0.005


def test_background_pixels_count_as_wrong() -> None:
    histograms = ScoreHistograms(2)
    truth = torch.zeros(2, 2, dtype=torch.int64)
    probability = torch.full((2, 2, 2), 0.5)
    histograms.update(probability, truth + 255, truth, IGNORED)
    assert histograms.reliability().error == pytest.approx(0.5)


def test_bins_rise_with_the_probability() -> None:
    values = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    bins = score_bins(values.float())
    assert (bins.diff() >= 0).all()
    assert (bins[0], bins[-1]) == (0, BINS - 1)
    # No bin is wider than 0.0005, and near 0 they are far finer.
    tiny = score_bins(torch.tensor([1e-4, 1.01e-4, 1e-3, 1.002e-3]))
    assert len(tiny.unique()) == 4


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(3)
    high, low = rng.integers(4, 12, 50), rng.integers(0, 9, 70)
    expected = stats.mannwhitneyu(high, low).statistic / (50 * 70)
    counted = [np.bincount(values, minlength=12) for values in (high, low)]
    assert auroc(*counted) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(auroc(np.zeros(3), np.ones(3)))
