# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Where a prediction differs from the truth."""

import numpy as np

from .overlay import check_image

# Orange stands out from grey for colour-blind readers too.
WRONG = (213, 94, 0)


def error_map(
    image: np.ndarray,
    truth: np.ndarray,
    prediction: np.ndarray,
    num_classes: int,
) -> tuple[np.ndarray, float]:
    """Paint the wrong pixels over a grey image.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        truth (np.ndarray): (H, W) ids; ids from `num_classes` on (255) are
            not judged and drawn dark.
        prediction (np.ndarray): (H, W) ids.
        num_classes (int): T.

    Returns:
        tuple[np.ndarray, float]: The picture, (H, W, 3) uint8, and the share
        of wrong pixels among the judged ones (nan if none is judged).
    """
    grey = check_image(image).mean(axis=2, keepdims=True).repeat(3, axis=2)
    judged = truth < num_classes
    wrong = judged & (truth != prediction)
    drawn = grey * 0.5 + 110
    drawn[~judged] = grey[~judged] * 0.3
    drawn[wrong] = drawn[wrong] * 0.25 + 0.75 * np.array(WRONG)
    share = wrong.sum() / judged.sum() if judged.any() else float('nan')
    return drawn.astype(np.uint8), float(share)
