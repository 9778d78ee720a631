# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Calibration, average precision and AUROC from counts of scores."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

# The bits of a float16 from 0 to 1, as a whole number, rise with the number:
# 15,361 steps that are fine near 0, where most probabilities are.
BINS = 15_361
CALIBRATION_BINS = 15


class Reliability(NamedTuple):
    """The reliability diagram, (15,) each; nan where no pixel falls.

    Attributes:
        pixels (np.ndarray): Pixels per bin of confidence.
        confidence (np.ndarray): Their mean confidence.
        accuracy (np.ndarray): Share of them that is right.
        error (float): Expected calibration error, 0 to 1.
    """

    pixels: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    error: float


class ScoreHistograms:
    """Counts of scores over all images, in memory that does not grow.

    Args:
        num_classes (int): T.

    Attributes:
        every (Tensor): (T, BINS) int64, pixels by the probability of a class.
        right (Tensor): (T, BINS) int64, those of them that are of the class.
        calibration (Tensor): (3, 15) float64: pixels, right ones, and sum of
            the confidence, by the confidence of the predicted class.
    """

    def __init__(self, num_classes: int) -> None:
        self.every = torch.zeros(num_classes, BINS, dtype=torch.int64)
        self.right = torch.zeros(num_classes, BINS, dtype=torch.int64)
        self.calibration = torch.zeros(
            3, CALIBRATION_BINS, dtype=torch.float64
        )

    def update(
        self, probability: Tensor, guess: Tensor, truth: Tensor, ignored: int
    ) -> None:
        """Add an image.

        Args:
            probability (Tensor): (T, H, W) in [0, 1].
            guess (Tensor): (H, W) predicted ids.
            truth (Tensor): (H, W) true ids.
            ignored (int): True id of pixels that do not count.
        """
        for name in ('every', 'right', 'calibration'):
            setattr(self, name, getattr(self, name).to(probability.device))
        valid = truth != ignored
        if not bool(valid.all()):
            probability = probability[:, valid]
        flat = probability.flatten(1)
        truth, guess = truth[valid].long(), guess[valid].long()
        classes = len(flat)
        place = score_bins(flat)
        own = place.gather(0, truth[None])[0]
        offset = torch.arange(classes, device=place.device)[:, None] * BINS
        place += offset.to(place.dtype)
        self.every += _count(place, classes)
        self.right += _count(own + truth * BINS, classes)
        self._calibrate(flat.amax(dim=0), guess == truth)

    def _calibrate(self, confidence: Tensor, right: Tensor) -> None:
        place = (confidence * CALIBRATION_BINS).ceil().long() - 1
        place = place.clamp(0, CALIBRATION_BINS - 1)
        confidence = confidence.double()
        for row, weights in enumerate(
            (torch.ones_like(confidence), right.double(), confidence)
        ):
            self.calibration[row] += torch.bincount(
                place, weights, minlength=CALIBRATION_BINS
            )

    def average_precision(self) -> np.ndarray:
        """Area under the precision-recall curve of each class, (T,), 0 to 1.

        The sum of precision times gain of recall, over all thresholds from
        high to low; nan for a class without a pixel in the truth. Pixels of
        one bin count as equal.
        """
        right = self.right.flip(1).cumsum(1).double().cpu().numpy()
        every = self.every.flip(1).cumsum(1).double().cpu().numpy()
        total = right[:, -1:]
        precision = right / np.maximum(every, 1)
        gained = np.diff(right, axis=1, prepend=0)
        area = (precision * gained).sum(axis=1)
        total = np.where(total > 0, total, np.nan)[:, 0]
        return area / total

    def reliability(self) -> Reliability:
        """Confidence against accuracy, and the expected calibration error.

        Equations 1 to 3 of Guo et al. 2017 (arXiv:1706.04599), with pixels
        as the samples and 15 bins of equal width. The confidence is the
        probability of the best class.
        """
        pixels, right, confidence = self.calibration.cpu().numpy()
        filled = np.where(pixels > 0, pixels, np.nan)
        gap = np.abs(right - confidence).sum() / max(pixels.sum(), 1)
        return Reliability(
            pixels.astype(np.int64),
            confidence / filled,
            right / filled,
            float(gap),
        )


def score_bins(probability: Tensor) -> Tensor:
    """The bin of each probability, of the same shape, int32.

    Args:
        probability (Tensor): In [0, 1]; values outside are clamped.
    """
    half = probability.clamp(0, 1).half()
    return half.view(torch.int16).int()


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Area under the receiver operating characteristic of counted scores.

    The probability that a positive has a higher score than a negative, ties
    counting half (Mann-Whitney U).

    Args:
        positive (np.ndarray): Positives per bin of the score, (BINS,).
        negative (np.ndarray): Negatives per bin.

    Returns:
        float: 0 to 1; nan if there are no positives or no negatives.
    """
    positive = np.asarray(positive, np.float64)
    negative = np.asarray(negative, np.float64)
    pairs = positive.sum() * negative.sum()
    if not pairs:
        return float('nan')
    below = negative.cumsum() - negative
    return float((positive * (below + negative / 2)).sum() / pairs)


def _count(place: Tensor, classes: int) -> Tensor:
    flat = place.flatten()
    counted = torch.bincount(flat, minlength=classes * BINS)
    return counted.view(classes, BINS)
