# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The font of all pictures."""

from functools import lru_cache
from pathlib import Path

import matplotlib
from PIL import ImageFont


@lru_cache
def get_font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib ships: Latin, Greek, Cyrillic and more.

    Args:
        size (int): Height of a line in pixels.
    """
    folder = Path(matplotlib.get_data_path(), 'fonts', 'ttf')
    return ImageFont.truetype(str(folder / 'DejaVuSans.ttf'), size)


def text_width(text: str, size: int) -> int:
    """Pixels that a text takes in that font."""
    return round(get_font(size).getlength(text))


def fit_text(text: str, width: int, size: int) -> str:
    """Shorten a text with an ellipsis until it fits.

    Args:
        text (str): One line.
        width (int): Pixels that there are.
        size (int): Of the font, in pixels.
    """
    while text and text_width(text, size) > width:
        text = text[:-2].rstrip('…') + '…' if len(text) > 1 else ''
    return text
