# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How much of a scene each class covers."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aeroseg.files import atomic_path
from aeroseg.mapping.label_scheme import LabelScheme

_SQUARE_METRES = 10_000  # per hectare


class ClassArea(NamedTuple):
    """One line of `classes.csv`.

    Attributes:
        id (int): In the label map.
        name (str): Of the class.
        pixels (int): Pixels with that id.
        share (float): Of all pixels with data, 0 to 1.
        hectares (float | None): On the ground; None without georeference.
        colour (str): As '#RRGGBB'.
    """

    id: int
    name: str
    pixels: int
    share: float
    hectares: float | None
    colour: str


def count_classes(
    pieces: Iterable[tuple[int, np.ndarray]],
    scheme: LabelScheme,
    pixel_areas: np.ndarray | None = None,
) -> list[ClassArea]:
    """Count a label map.

    Args:
        pieces (Iterable[tuple[int, np.ndarray]]): First row and ids (n, W).
        scheme (LabelScheme): Names and colours.
        pixel_areas (np.ndarray | None): Square metres of a pixel per row,
            (H,); None without georeference.

    Returns:
        list[ClassArea]: One entry per id, in their order.
    """
    classes = scheme.classes
    pixels = np.zeros(len(classes), np.int64)
    metres = np.zeros(len(classes))
    for top, labels in pieces:
        counts = _row_counts(labels, len(classes))
        pixels += counts.sum(axis=0)
        if pixel_areas is not None:
            metres += pixel_areas[top : top + len(labels)] @ counts
    total = max(pixels.sum(), 1)
    hectares = metres / _SQUARE_METRES
    return [
        ClassArea(
            index,
            name,
            int(pixels[index]),
            float(pixels[index] / total),
            None if pixel_areas is None else float(hectares[index]),
            '#{:02X}{:02X}{:02X}'.format(*classes.palette[index]),
        )
        for index, name in enumerate(classes.names)
    ]


def write_areas(areas: Iterable[ClassArea], path: Path) -> None:
    """Write `classes.csv`; hectares stay empty without georeference."""
    with (
        atomic_path(path) as part,
        part.open('w', newline='', encoding='utf-8') as file,
    ):
        table = csv.writer(file)
        table.writerow(ClassArea._fields)
        for area in areas:
            size = '' if area.hectares is None else f'{area.hectares:.4f}'
            share = f'{area.share:.6f}'
            table.writerow(area._replace(share=share, hectares=size))  # type: ignore[arg-type]


def _row_counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Pixels per row and class, (n, num_classes); other ids are left out."""
    # Row by row, everything stays in the processor's cache.
    counts = [np.bincount(row, minlength=num_classes) for row in labels]
    return np.stack([count[:num_classes] for count in counts])
