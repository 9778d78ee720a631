# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Features as colours: three principal components are red, green, blue."""

import numpy as np


def pca_colors(features: np.ndarray) -> np.ndarray:
    """Colour cells so that alike features get alike colours.

    The features are centred and projected on the three directions in which
    they vary most. Each is scaled so that the middle 98 % of its values fill
    0 to 255. The sign of a direction is that in which the largest loading is
    positive, so that the colours do not depend on the machine. Colours of
    two calls cannot be compared.

    Args:
        features (np.ndarray): (C, h, w), any scale.

    Returns:
        np.ndarray: (h, w, 3) uint8; a direction without variance is 127.

    Raises:
        ValueError: If they are not finite numbers (C, h, w).
    """
    if features.ndim != 3 or not np.isfinite(features).all():
        raise ValueError(
            f'features are finite numbers (C, h, w); got shape '
            f'{features.shape}, {(~np.isfinite(features)).sum()} not finite'
        )
    channels, height, width = features.shape
    cells = features.reshape(channels, -1).T.astype(np.float64)
    cells -= cells.mean(axis=0)
    # Directions of a few hundred channels: cheaper than those of all cells.
    _, directions = np.linalg.eigh(cells.T @ cells)
    directions = directions[:, ::-1][:, :3]
    largest = np.abs(directions).argmax(axis=0)
    signs = np.sign(directions[largest, range(directions.shape[1])])
    parts = cells @ (directions * signs)
    parts = np.pad(parts, ((0, 0), (0, 3 - parts.shape[1])))
    low, high = np.percentile(parts, (1, 99), axis=0)
    span = high - low
    flat = span <= 1e-9 * max(span.max(), 1e-30)
    scaled = (parts - low) / np.where(flat, 1, span)
    scaled[:, flat] = 0.5
    colours = (255 * scaled.clip(0, 1)).astype(np.uint8)
    return colours.reshape(height, width, 3)


def enlarge_cells(
    colours: np.ndarray, cells: tuple[float, float], size: tuple[int, int]
) -> np.ndarray:
    """Draw cells as blocks of pixels.

    Args:
        colours (np.ndarray): (h, w, 3) uint8.
        cells (tuple[float, float]): Cells down and across that cover the
            picture; at most h and w.
        size (tuple[int, int]): (H, W) of the picture.

    Returns:
        np.ndarray: (H, W, 3) uint8.
    """
    rows, columns = (
        ((np.arange(side) + 0.5) * count / side).astype(int)
        for side, count in zip(size, cells, strict=True)
    )
    return colours[rows[:, None], columns]
