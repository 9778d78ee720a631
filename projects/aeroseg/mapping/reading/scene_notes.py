# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the user should know about a scene, in sentences."""

from typing import Any

import numpy as np

MAX_BLANK = 0.01  # share of the scene


def blank_notes(values: np.ndarray, valid: np.ndarray) -> list[str]:
    """Name areas of pure black or pure white.

    A mosaic without a nodata value has them where no image lay. The values
    are means of several pixels where the scene is large, so a single dark or
    bright pixel does not count.

    Args:
        values (np.ndarray): (C, h, w) in the units of the file.
        valid (np.ndarray): (h, w) bool; pixels marked as without data do not
            count.

    Returns:
        list[str]: A sentence each for black and white, if it covers more
        than 1 % of the pixels with data.
    """
    if not valid.any():
        return []
    pure = {'black': np.array(0)}
    if values.dtype.kind in 'ui':
        pure['white'] = np.array(np.iinfo(values.dtype).max)
    notes = []
    for name, value in pure.items():
        share = (values == value).all(axis=0)[valid].mean()
        if share > MAX_BLANK:
            notes.append(
                f'{100 * share:.0f} % of the scene is pure {name} '
                f'({value} in every band) and not marked as nodata, but '
                'mapped like the rest; if nothing is there, set the nodata '
                f'value: gdal_translate -a_nodata {value} IN OUT'
            )
    return notes


def file_notes(
    data: Any,
    name: str,
    resolution: tuple[float, float] | None,
    areas_known: bool,
    gsd: float | None,
) -> list[str]:
    """What a file lacks, and how the model sees it.

    Args:
        data (Any): The open file, of rasterio.
        name (str): Its name.
        resolution (tuple[float, float] | None): Metres on the ground, down
            and across, of a pixel.
        areas_known (bool): Whether the areas of its pixels are known.
        gsd (float | None): Metres per pixel that it is resampled to.
    """
    notes = []
    if len(data.subdatasets) > 1:
        notes.append(
            f'{name} holds {len(data.subdatasets)} images; this is the map of '
            'the first one'
        )
    if data.crs is None:
        notes.append(
            f'{name} is not georeferenced; neither are the results, and areas '
            'are given in pixels only'
        )
    elif resolution is None:
        notes.append(
            f'the CRS of {name} has no known place on Earth; areas are given '
            'in pixels only'
        )
    elif not areas_known:
        notes.append(
            f'the coordinates of {name} lie partly outside of what its CRS '
            'can describe; areas are given in pixels only'
        )
    if resolution is not None and gsd is not None:
        down, across = resolution
        notes.append(
            f'resampled from {across:.3g} x {down:.3g} m to {gsd:g} m per '
            'pixel for the model'
        )
    return notes
