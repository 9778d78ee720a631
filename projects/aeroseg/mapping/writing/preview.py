# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small picture of a scene and its classes."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.visualization import draw_panel

from .class_areas import ClassArea

SIDE = 1024


def write_preview(
    path: Path,
    image: np.ndarray,
    labels: Path,
    scheme: LabelScheme,
    areas: list[ClassArea],
    title: str = 'scene',
    metres: float | None = None,
) -> None:
    """Draw scene and labels side by side, with a legend.

    Args:
        path (Path): The picture to make.
        image (np.ndarray): The scene, (h, w, 3) RGB uint8.
        labels (Path): `labels.tif` or its draft; the overviews are read.
        scheme (LabelScheme): Names and colours.
        areas (list[ClassArea]): Shares for the legend, counted in full.
        title (str): Written over the scene.
        metres (float | None): On the ground, per pixel of the image, for a
            scale bar.
    """
    with (
        ignore_warning(NotGeoreferencedWarning),
        rasterio.open(labels) as data,
    ):
        small = data.read(
            1, out_shape=image.shape[:2], resampling=Resampling.nearest
        )
    shares = np.array([area.share for area in areas])
    draw_panel(
        image,
        {'classes': small},
        scheme.classes,
        path,
        max_side=SIDE,
        title=title,
        shares={'classes': shares},
        metres=metres,
    )
