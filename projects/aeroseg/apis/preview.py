# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A small picture of a scene and its classes."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from aeroseg.visualization import draw_panel

from .class_areas import ClassArea
from .label_scheme import LabelScheme
from .quiet import ignore_warning
from .raster_source import RasterSource

_SIDE = 1024


def write_preview(
    path: Path,
    labels: Path,
    source: RasterSource,
    scheme: LabelScheme,
    areas: list[ClassArea],
) -> None:
    """Draw scene and labels side by side, with a legend.

    Args:
        path (Path): The picture to make.
        labels (Path): The finished `labels.tif`; its overviews are read.
        source (RasterSource): The scene.
        scheme (LabelScheme): Names and colours.
        areas (list[ClassArea]): Shares for the legend, counted in full.
    """
    image = source.thumbnail(_SIDE)
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
        max_side=_SIDE,
        title=source.path.name,
        shares={'classes': shares},
    )
