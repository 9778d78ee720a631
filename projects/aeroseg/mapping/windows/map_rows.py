# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The map of a scene, row by row: labels and scores at the scene's size."""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from aeroseg.mapping.label_scheme import LabelScheme

from .resample_rows import ResampleAxis, ResampleRows
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
        MapRows: Number of the top row; ids (n, w) of the columns of the
        scan's lane, of the type of the scheme, its 'no data' included;
        probabilities (S, n, w), which are overwritten afterwards.
    """
    source, clock, lane = scan.source, scan.clock, scan.lane
    resample = ResampleRows(
        source.grid,
        source.shape,
        range(lane.left, lane.right),
        scan.columns.origin,
    )
    rows = resample(scan.rows(resample.rows.first_needed(first)), first)
    for top, scores in clock.each('resampling', rows):
        bottom = top + scores.shape[1]
        with clock('reading'):
            valid = source.valid(top, bottom, lane.left, lane.right)
        with clock('deciding'):
            chunks = scores.split(_CHUNK, dim=1)
            labels = np.concatenate([scheme.decide(c) for c in chunks])
            labels[~valid] = scheme.nodata
        yield top, labels, scores


def ends_of_strips(scan: Scan) -> list[int]:
    """The row of the scene, per strip, that the map is complete to."""
    strips, rows = scan.strips, _rows(scan)
    return [rows.ready(strips.complete(i)) for i in range(len(strips))]


def strips_of(scan: Scan, top: int, bottom: int) -> range:
    """The strips that must be predicted for rows of the scene.

    Args:
        scan (Scan): The scan.
        top (int): First row.
        bottom (int): Row after the last one.
    """
    strips, rows = scan.strips, _rows(scan)
    first = strips.first_reaching(rows.first_needed(top))
    last = bisect_left(
        range(len(strips)),
        bottom,
        key=lambda strip: rows.ready(strips.complete(strip)),
    )
    return range(first, last + 1)


def warm_up(scan: Scan, first: int = 0) -> None:
    """Predict one batch of grey, so that the model's own peak is known.

    Args:
        scan (Scan): The scan.
        first (int): Row of the scene that it will start with.
    """
    strip = scan.strips.first_reaching(_rows(scan).first_needed(first))
    count = min(scan.batch, len(scan.columns))
    size = scan.strips.size, scan.columns.size
    images = torch.full((count, 3, *size), 128.0)
    scan.model.predict_scores(images, scan.number_of(strip))


def _rows(scan: Scan) -> ResampleAxis:
    return ResampleAxis(scan.source.grid[0], scan.source.shape[0])
