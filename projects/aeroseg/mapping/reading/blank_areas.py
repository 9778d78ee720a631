# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Areas of a scene that hold no picture, though no mark says so."""

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
