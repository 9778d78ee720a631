# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Many small images with their labels on one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from aeroseg.vocabulary import Vocabulary

from .legend import area_shares, draw_legend
from .overlay import overlay
from .panel import join_row, save_picture, shrink
from .text import fit_text, get_font

_CAPTION = 16


def contact_sheet(
    images: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    vocabulary: Vocabulary,
    path: str | Path | None = None,
    captions: Sequence[str] | None = None,
    columns: int = 4,
    max_side: int = 192,
    opacity: float = 0.6,
) -> np.ndarray:
    """Draw pairs of image and labelled image in a grid, with one legend.

    Args:
        images (Sequence[np.ndarray]): (H_i, W_i, 3) RGB, uint8.
        labels (Sequence[np.ndarray]): (H_i, W_i) ids, one map per image.
        vocabulary (Vocabulary): Names and colours.
        path (str | Path | None): Where to save the sheet, if anywhere.
        captions (Sequence[str] | None): A line of text per pair.
        columns (int): Pairs per row.
        max_side (int): Longest side of each picture in pixels; larger ones
            are shrunk.
        opacity (float): Of the colours, 0 to 1.

    Returns:
        np.ndarray: (H, W, 3) uint8. The legend gives the share of each class
        in all the label maps together.

    Raises:
        ValueError: If there is no image, or counts or sizes differ.
    """
    captions = [''] * len(images) if captions is None else captions
    if not images or not len(images) == len(labels) == len(captions):
        raise ValueError(
            f'{len(images)} images, {len(labels)} label maps and '
            f'{len(captions)} captions; give at least one image, and as many '
            'of each'
        )
    pairs = [
        _pair(image, label, vocabulary, caption, max_side, opacity)
        for image, label, caption in zip(images, labels, captions, strict=True)
    ]
    empty = np.full_like(pairs[0], 255)
    pairs += [empty] * (-len(pairs) % columns) if len(pairs) > columns else []
    grid = np.concatenate(
        [
            np.concatenate(pairs[i : i + columns], axis=1)
            for i in range(0, len(pairs), columns)
        ]
    )
    everything = np.concatenate([label.ravel() for label in labels])
    shares = {'share': area_shares(everything, len(vocabulary))}
    sheet = join_row([grid, draw_legend(vocabulary, shares)])
    if path is not None:
        save_picture(sheet, path)
    return sheet


def _pair(
    image: np.ndarray,
    label: np.ndarray,
    vocabulary: Vocabulary,
    caption: str,
    size: int,
    opacity: float,
) -> np.ndarray:
    cell = Image.new('RGB', (2 * size + 12, size + _CAPTION + 8), 'white')
    painted = overlay(image, label, vocabulary.palette, opacity)
    for column, picture in enumerate((image, painted)):
        left = column * (size + 2)
        cell.paste(Image.fromarray(shrink(picture, size)), (left, _CAPTION))
    text = fit_text(caption, 2 * size, 11)
    ImageDraw.Draw(cell).text((0, 1), text, 'black', get_font(11))
    return np.asarray(cell)
