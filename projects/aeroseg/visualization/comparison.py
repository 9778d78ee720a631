# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Several label maps of one image, with the truth, errors and one legend."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aeroseg.vocabulary import Vocabulary

from .error_map import error_map
from .legend import area_shares, draw_legend
from .overlay import check_image, overlay
from .panel import fit_size, join_grid, save_picture


def draw_comparison(
    image: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    truth: np.ndarray | None = None,
    path: str | Path | None = None,
    opacity: float = 0.6,
) -> np.ndarray:
    """Draw what several models say about an image.

    The upper row has the image and a label map per model. With a truth there
    is a lower row, with the truth below the image and the errors of a model
    below its map. Pictures have the size of :func:`fit_size`. The legend
    gives the shares of the truth, or else the mean shares of the models.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        predictions (Mapping[str, np.ndarray]): (H, W) ids by the name of the
            model; at least one.
        vocabulary (Vocabulary): T names and colours; ids without a colour
            (255) stay unpainted.
        truth (np.ndarray | None): (H, W) ids; ids from T on (255) are not
            judged.
        path (str | Path | None): Where to save the picture, if anywhere.
        opacity (float): Of the colours, 0 to 1.

    Returns:
        np.ndarray: The picture, (H', W', 3) uint8.

    Raises:
        ValueError: If a label map and the image differ in size, or there is
            no prediction.
    """
    if not predictions:
        raise ValueError('there is no prediction to draw; give at least one')
    palette, count = vocabulary.palette, len(vocabulary)
    upper = [('image', check_image(image))]
    for name, label in predictions.items():
        upper.append((name, overlay(image, label, palette, opacity)))
    rows, judged, title = [upper], list(predictions.values()), 'mean share'
    if truth is not None:
        lower = [('truth', overlay(image, truth, palette, opacity))]
        for name, label in predictions.items():
            drawn, share = error_map(image, truth, label, count)
            wrong = 'nothing is judged'
            if not math.isnan(share):
                wrong = f'{100 * share:.1f} % wrong'
            lower.append((f'{wrong}: {name}', drawn))
        rows, judged, title = [upper, lower], [truth], 'truth'
    fitted = [[(name, fit_size(part)) for name, part in row] for row in rows]
    shares = np.mean([area_shares(label, count) for label in judged], axis=0)
    picture = join_grid(fitted, draw_legend(vocabulary, {title: shares}))
    if path is not None:
        save_picture(picture, path)
    return picture
