# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Counting within the boundaries of classes."""

import cv2
import numpy as np


def boundary_mask(
    ids: np.ndarray, width: int, ignored: int | None = None
) -> np.ndarray:
    """Pixels with another class within some distance.

    A pixel is in the boundary of its class if the square of 2 `width` + 1
    pixels around it holds another class. This is the inner boundary of
    Boundary IoU (Cheng et al. 2021, arXiv:2103.16562), for all classes of a
    label map at once. Unlike there, the edge of the image is no boundary: an
    image is mostly a tile of a larger scene, and nothing ends at its edge.

    Args:
        ids (np.ndarray): (H, W) ids below 32,767.
        width (int): Pixels, at least 1.
        ignored (int, optional): Id of pixels whose class is unknown; they
            end no class.

    Returns:
        np.ndarray: (H, W) bool.
    """
    lower = upper = ids.astype(np.int16)
    if ignored is not None:
        unknown = ids == ignored
        lower, upper = lower.copy(), upper.copy()
        lower[unknown] = np.iinfo(np.int16).max
        upper[unknown] = np.iinfo(np.int16).min
    side = 2 * width + 1
    square = np.ones((side, side), np.uint8)
    # Beyond the edge OpenCV takes what changes nothing.
    return cv2.erode(lower, square) != cv2.dilate(upper, square)


def count_pixels(
    guess: np.ndarray,
    truth: np.ndarray,
    num_classes: int,
    ignored: int,
    width: int,
) -> np.ndarray:
    """Count an image, as a whole and within boundaries.

    Boundary IoU of a class is the IoU of two sets: the pixels of the class
    within its boundary in the prediction, and those in the truth.

    Args:
        guess (np.ndarray): (H, W) predicted ids; others than 0 to T - 1 are
            no class.
        truth (np.ndarray): (H, W) true ids.
        num_classes (int): T.
        ignored (int): True id of pixels that do not count.
        width (int): Of a boundary in pixels.

    Returns:
        np.ndarray: (T, 6) int64: intersection, prediction, truth; the same
        within boundaries.
    """
    valid = truth != ignored
    known = (guess >= 0) & (guess < num_classes)
    guess = np.where(known, guess, num_classes)
    near_guess = boundary_mask(guess, width)
    near_truth = boundary_mask(
        np.where(valid, truth, num_classes), width, num_classes
    )
    same = valid & (guess == truth)
    columns = (
        truth[same],
        guess[valid],
        truth[valid],
        truth[same & near_guess & near_truth],
        guess[valid & near_guess],
        truth[valid & near_truth],
    )
    counted = [np.bincount(c, minlength=num_classes + 1) for c in columns]
    return np.stack(counted, axis=1)[:num_classes]
