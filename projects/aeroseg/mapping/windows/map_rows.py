# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The map of a scene, row by row: labels and scores at the scene's size."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from aeroseg.mapping.label_scheme import LabelScheme

from .resample_rows import ResampleRows
from .scan import Scan

MapRows = tuple[int, np.ndarray, Tensor]  # top row, labels, scores

_CHUNK = 64  # rows whose classes are decided at a time


def map_rows(
    scan: Scan, scheme: LabelScheme, first: int = 0
) -> Iterator[MapRows]:
    """Predict a scene from top to bottom.

    A piece never holds rows of two strips: it ends at, or before, a row of
    :func:`ends_of_strips`, wherever the map starts.

    The model may see the scene at another size. Only this file knows both:
    all rows that go in or come out are rows of the scene.

    Args:
        scan (Scan): The model, the scene and the windows.
        scheme (LabelScheme): What the ids mean.
        first (int): Row to start with. The rows are exactly those of a map
            from the top.

    Yields:
        MapRows: Number of the top row; ids (n, W) of the type of the scheme,
        its 'no data' included; probabilities (S, n, W), which are
        overwritten afterwards.
    """
    source, clock = scan.source, scan.clock
    resample = ResampleRows(source.grid, source.shape)
    rows = resample(scan.rows(resample.first_needed(first)), first)
    for top, scores in clock.each('resampling', rows):
        with clock('reading'):
            valid = source.valid(top, top + scores.shape[1])
        with clock('deciding'):
            chunks = scores.split(_CHUNK, dim=1)
            labels = np.concatenate([scheme.decide(c) for c in chunks])
            labels[~valid] = scheme.nodata
        yield top, labels, scores


def ends_of_strips(scan: Scan) -> list[int]:
    """The row of the scene, per strip, that the map is complete to."""
    resample = ResampleRows(scan.source.grid, scan.source.shape)
    strips = scan.strips
    return [resample.ready(strips.complete(i)) for i in range(len(strips))]


def strips_of(scan: Scan, top: int, bottom: int) -> range:
    """The strips that must be predicted for rows of the scene.

    Args:
        scan (Scan): The scan.
        top (int): First row.
        bottom (int): Row after the last one.
    """
    resample = ResampleRows(scan.source.grid, scan.source.shape)
    first = scan.strips.first_reaching(resample.first_needed(top))
    ends = ends_of_strips(scan)
    last = next(i for i, end in enumerate(ends) if end >= bottom)
    return range(first, last + 1)


def warm_up(scan: Scan, first: int = 0) -> None:
    """Predict one batch of grey, so that the model's own peak is known.

    Args:
        scan (Scan): The scan.
        first (int): Row of the scene that it will start with.
    """
    resample = ResampleRows(scan.source.grid, scan.source.shape)
    strip = scan.strips.first_reaching(resample.first_needed(first))
    count = min(scan.batch, len(scan.columns))
    size = scan.strips.size, scan.columns.size
    images = torch.full((count, 3, *size), 128.0)
    scan.model.predict_scores(images, strip * len(scan.columns))
