# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How visible the windows are in a prediction."""

from typing import NamedTuple

import numpy as np

from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.score_model import ScoreModel
from aeroseg.mapping.windows.tiling import Axis, Tiling

_SMALLEST = 8  # pixels of a window, for an overlap of an eighth


class Seams(NamedTuple):
    """Two figures about one tiling.

    Attributes:
        contrast (float): Mean jump of the scores across the edges of windows,
            divided by the mean jump between other neighbouring pixels. 1 is
            invisible.
        agreement (float): Share of the pixels that keep their class when all
            windows are moved, 0 to 1.
    """

    contrast: float
    agreement: float


def measure_seams(
    model: ScoreModel, image: np.ndarray, tiling: Tiling, num_scores: int
) -> Seams:
    """Predict an image twice, with windows at different places.

    Args:
        model (ScoreModel): The model.
        image (np.ndarray): (H, W, 3) RGB uint8, some windows large.
        tiling (Tiling): Window and overlap.
        num_scores (int): S, the score maps of the model.

    Returns:
        Seams: Contrast of the seams, and agreement with windows that are
        moved by a third of a window. Pixels within a window of the border
        that was cut off for it do not count.

    Raises:
        ValueError: If a side of the image is below two windows, a window is
            below 8 pixels, or the scores are the same everywhere.
    """
    if tiling.window < _SMALLEST:
        raise ValueError(
            f'windows of {tiling.window} pixels are all edge; seams are '
            f'measured with windows of at least {_SMALLEST}'
        )
    if min(image.shape[:2]) < 2 * tiling.window:
        raise ValueError(
            f'the image is {image.shape[1]} x {image.shape[0]} pixels; seams '
            f'are measured on at least two windows of {tiling.window} in '
            'each direction: give a larger image, or a smaller window'
        )
    scores, scan = _scores(model, image, tiling, num_scores)
    if not np.ptp(scores, axis=(1, 2)).any():
        raise ValueError(
            'the scores are the same in every pixel, so there is nothing to '
            'compare seams with; the image seems to be blank'
        )
    contrasts = [
        _jumps(scores, scan.strips, axis=1),
        _jumps(scores, scan.columns, axis=2),
    ]
    move, edge = tiling.window // 3, tiling.window
    moved, _ = _scores(model, image[move:, move:], tiling, num_scores)
    inner = slice(edge, None)
    first = scores[:, move:, move:][:, inner, inner].argmax(axis=0)
    second = moved[:, inner, inner].argmax(axis=0)
    return Seams(float(np.nanmean(contrasts)), float((first == second).mean()))


def _scores(
    model: ScoreModel, image: np.ndarray, tiling: Tiling, num_scores: int
) -> tuple[np.ndarray, Scan]:
    scan = Scan(model, ArraySource(image), tiling, num_scores)
    rows = [scores.numpy().copy() for _, scores in scan.rows()]
    return np.concatenate(rows, axis=1), scan


def _jumps(scores: np.ndarray, windows: Axis, axis: int) -> float:
    jumps = np.abs(np.diff(scores, axis=axis))
    jumps = jumps.mean(axis=tuple({0, 1, 2} - {axis}))
    edges = set(windows.starts[1:])
    edges |= {start + windows.size for start in windows.starts[:-1]}
    at_edge = np.zeros(len(jumps), bool)
    at_edge[[edge - 1 for edge in edges]] = True
    if at_edge.all() or not at_edge.any():
        return float('nan')
    return float(jumps[at_edge].mean() / jumps[~at_edge].mean())
