# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A legend: colour, name and share of the area per class."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from aeroseg.vocabulary import Vocabulary

from .text import get_font, text_width


def area_shares(label: np.ndarray, num_classes: int) -> np.ndarray:
    """Share of the labelled area per class.

    Args:
        label (np.ndarray): (H, W) ids; ids from `num_classes` on (255) are
            ignored.
        num_classes (int): T.

    Returns:
        np.ndarray: (T,) shares that add up to 1; zeros if nothing counts.
    """
    counted = label[(label >= 0) & (label < num_classes)]
    counts = np.bincount(counted.ravel(), minlength=num_classes)
    return counts / max(counts.sum(), 1)


def draw_legend(
    vocabulary: Vocabulary,
    shares: Mapping[str, np.ndarray],
    height: int = 0,
    max_rows: int = 24,
    font_size: int = 14,
) -> np.ndarray:
    """Draw a row per class, in the order of the vocabulary.

    Args:
        vocabulary (Vocabulary): T names and colours.
        shares (Mapping[str, np.ndarray]): A column of shares, (T,) from 0 to
            1, per label map that is shown, by its title.
        height (int): Smallest height of the picture in pixels.
        max_rows (int): If there are more classes, those with the largest
            share are kept and the rest is counted.
        font_size (int): In pixels.

    Returns:
        np.ndarray: (H, W, 3) uint8, white background.
    """
    rows, rest = _chosen_rows(vocabulary, shares, max_rows)
    line = font_size + 8
    names = [vocabulary.names[i] for i in rows] + ([rest] if rest else [])
    left = 2 * line + max(text_width(name, font_size) for name in names) + 16
    column = 16 + max(
        [text_width('100.0 %', font_size)]
        + [text_width(title, font_size) for title in shares]
    )
    width = left + column * len(shares) + 8
    size = (width, max(height, line * (len(names) + 1) + 8))
    picture = Image.new('RGB', size, 'white')
    draw, font = ImageDraw.Draw(picture), get_font(font_size)
    rights = [left + column * (i + 1) for i in range(len(shares))]
    for right, title in zip(rights, shares, strict=True):
        draw.text((right, 4), title, 'black', font, anchor='ra')
    for row, index in enumerate(rows, start=1):
        top = 4 + row * line
        box = (8, top, 8 + line + 2, top + line - 6)
        draw.rectangle(box, vocabulary.palette[index], 'black')
        name = vocabulary.names[index]
        draw.text((line + 18, top), name, 'black', font)
        for right, values in zip(rights, shares.values(), strict=True):
            share = f'{100 * values[index]:.1f} %'
            draw.text((right, top), share, 'black', font, anchor='ra')
    if rest:
        draw.text((line + 18, 4 + len(names) * line), rest, 'grey', font)
    return np.asarray(picture)


def _chosen_rows(
    vocabulary: Vocabulary, shares: Mapping[str, np.ndarray], max_rows: int
) -> tuple[list[int], str]:
    count = len(vocabulary)
    if count <= max_rows:
        return list(range(count)), ''
    weight = sum(shares.values(), np.zeros(count))
    largest = np.argsort(-weight, kind='stable')[:max_rows]
    return sorted(largest.tolist()), f'and {count - max_rows} more'
