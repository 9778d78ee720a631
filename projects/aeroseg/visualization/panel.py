# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Image, label maps, errors and legend side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from aeroseg.files import atomic_path
from aeroseg.vocabulary import Vocabulary

from .error_map import error_map
from .legend import area_shares, draw_legend
from .overlay import check_image, overlay
from .scale_bar import draw_scale_bar
from .text import fit_text, get_font

_GAP = 8
_TITLE = 22


def draw_panel(
    image: np.ndarray,
    labels: Mapping[str, np.ndarray],
    vocabulary: Vocabulary,
    path: str | Path | None = None,
    opacity: float = 0.6,
    max_side: int = 512,
    title: str = 'image',
    shares: Mapping[str, np.ndarray] | None = None,
    metres: float | None = None,
) -> np.ndarray:
    """Draw the image, each label map over it, and a legend.

    Args:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        labels (Mapping[str, np.ndarray]): (H, W) label maps by title. If the
            titles 'truth' and 'prediction' are both there, a map of the
            errors is added.
        vocabulary (Vocabulary): Names and colours; ids without a colour
            (255) stay unpainted.
        path (str | Path | None): Where to save the picture, if anywhere; the
            suffix gives the format.
        opacity (float): Of the colours, 0 to 1.
        max_side (int): Longest side of each picture in pixels; larger ones are
            shrunk, smaller ones are not enlarged.
        title (str): Written over the image.
        shares (Mapping[str, np.ndarray] | None): Area shares (T,) by title
            for the legend. None counts the label maps.
        metres (float | None): On the ground, per pixel of the image, for a
            scale bar.

    Returns:
        np.ndarray: The picture, (H', W', 3) uint8.

    Raises:
        ValueError: If a label map and the image differ in size.
    """
    image = check_image(image)
    pictures = {title: image}
    for name, label in labels.items():
        pictures[name] = overlay(image, label, vocabulary.palette, opacity)
    if 'truth' in labels and 'prediction' in labels:
        drawn, share = error_map(
            image, labels['truth'], labels['prediction'], len(vocabulary)
        )
        pictures[f'errors, {100 * share:.1f} %'] = drawn
    if shares is None:
        shares = {
            name: area_shares(label, len(vocabulary))
            for name, label in labels.items()
        }
    small = {
        name: shrink(picture, max_side) for name, picture in pictures.items()
    }
    if metres is not None:
        metres *= image.shape[1] / small[title].shape[1]
        small[title] = draw_scale_bar(small[title], metres)
    row = [titled(picture, name) for name, picture in small.items()]
    legend = draw_legend(vocabulary, shares, height=row[0].shape[0])
    picture = join_row([*row, legend])
    if path is not None:
        save_picture(picture, path)
    return picture


def shrink(image: np.ndarray, max_side: int) -> np.ndarray:
    """Reduce an image so that no side is longer; never enlarge it.

    Args:
        image (np.ndarray): (H, W, 3) uint8.
        max_side (int): In pixels.
    """
    height, width = image.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    if scale == 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(
        Image.fromarray(image).resize(size, Image.Resampling.BOX)
    )


def join_row(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Set pictures (H_i, W_i, 3) side by side on white, tops aligned."""
    height = max(part.shape[0] for part in pictures)
    width = sum(part.shape[1] for part in pictures) + _GAP * (
        len(pictures) + 1
    )
    picture = np.full((height + 2 * _GAP, width, 3), 255, np.uint8)
    left = _GAP
    for part in pictures:
        h, w = part.shape[:2]
        picture[_GAP : _GAP + h, left : left + w] = part
        left += w + _GAP
    return picture


def fit_size(
    picture: np.ndarray, max_side: int = 384, min_side: int = 256
) -> np.ndarray:
    """Shrink a large picture; repeat the pixels of a small one.

    Args:
        picture (np.ndarray): (H, W, 3) uint8.
        max_side (int): No side becomes longer, in pixels.
        min_side (int): The longer side of a small picture becomes at least so
            long, in pixels.
    """
    small = shrink(picture, max_side)
    times = -(-min_side // max(small.shape[:2]))
    return small.repeat(times, axis=0).repeat(times, axis=1)


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """Write a title over a picture, shortened to its width.

    Args:
        picture (np.ndarray): (H, W, 3) uint8.
        title (str): One line of text.

    Returns:
        np.ndarray: (H + 22, W, 3) uint8.
    """
    bar = Image.new('RGB', (picture.shape[1], _TITLE), 'white')
    text = fit_text(title, picture.shape[1] - 4, 14)
    ImageDraw.Draw(bar).text((2, 2), text, 'black', get_font(14))
    return np.concatenate([np.asarray(bar), picture])


def join_grid(
    rows: Sequence[Sequence[tuple[str, np.ndarray]]],
    legend: np.ndarray | None = None,
) -> np.ndarray:
    """Set rows of pictures with titles one below the other.

    Args:
        rows (Sequence[Sequence[tuple[str, np.ndarray]]]): Titles and
            pictures (H_i, W_i, 3) uint8, from left to right.
        legend (np.ndarray | None): Drawn once, to the right.

    Returns:
        np.ndarray: (H, W, 3) uint8, white between the pictures.
    """
    lines = [
        join_row([titled(picture, name) for name, picture in row])
        for row in rows
    ]
    width = max(line.shape[1] for line in lines)
    wide = [
        np.pad(
            line,
            ((0, 0), (0, width - line.shape[1]), (0, 0)),
            constant_values=255,
        )
        for line in lines
    ]
    grid = np.concatenate(wide)
    return grid if legend is None else join_row([grid, legend])


def save_picture(picture: np.ndarray, path: str | Path) -> None:
    """Save a picture atomically.

    Args:
        picture (np.ndarray): (H, W, 3) RGB, uint8.
        path (str | Path): The suffix gives the format, such as '.png'.

    Raises:
        ValueError: If the format is unknown.
    """
    path = Path(path)
    if not cv2.haveImageWriter(path.name):
        raise ValueError(
            f'{path.name} has no suffix of an image format; use .png or .jpg'
        )
    # OpenCV writes a PNG in half the time that Pillow takes.
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(path.suffix, bgr)[1]
    with atomic_path(path) as part:
        part.write_bytes(encoded.tobytes())
