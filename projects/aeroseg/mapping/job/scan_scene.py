# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The long part of a job: predict a scene and keep its rows."""

import logging
from collections.abc import (
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from aeroseg.mapping.block import Block, overlaps
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.windows.batch_log import BatchLog
from aeroseg.mapping.windows.lanes import make_lanes
from aeroseg.mapping.windows.map_rows import (
    MapRows,
    map_rows,
    strips_of,
    warm_up,
)
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.score_model import ScoreModel
from aeroseg.mapping.writing.geotiff import SCORE_NODATA, SCORE_STEPS

from .memory import peak_memory, readable, scene_memory
from .scene_options import SceneOptions
from .work_folder import WorkFolder

logger = logging.getLogger(__name__)

_CHUNK = 64  # rows of scores that are rounded at a time


class Watcher(Protocol):
    """Looks on while a scene is predicted; what it raises ends the scan."""

    def window(self, top: int, left: int, scores: Tensor) -> None:
        """A window is done.

        Args:
            top (int): Its first row on the grid that the model sees.
            left (int): Its first column there.
            scores (Tensor): (S, h, w) probabilities.
        """
        ...

    def progress(self, done: int, total: int) -> None:
        """So many windows are done."""
        ...


def scan_scene(
    model: ScoreModel,
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
    clock: Stopwatch,
    within: Sequence[Block] | None = None,
    watcher: Watcher | None = None,
) -> None:
    """Predict all that the work folder does not hold yet.

    Args:
        model (ScoreModel): The model.
        source (RasterSource): The scene.
        scheme (LabelScheme): What the ids mean.
        options (SceneOptions): Tiling, and whether scores are kept.
        work (WorkFolder): Where the rows go.
        clock (Stopwatch): Counts the time.
        within (Sequence[Block] | None): Only these, while other processes
            write into the same folder.
        watcher (Watcher | None): Sees windows as they are done.
    """
    gaps = _gaps(work, source, options, within)
    if not gaps:
        return
    batches = _batches(options, work) if within is None else None
    scans = lane_scans(
        model, source, scheme, options, clock=clock, batches=batches
    )
    gaps = _gaps(work, source, options, within)  # damaged batches drop all
    if watcher is None:
        # Who looks on wants the first window, not the memory it will take.
        with clock('warm-up'):
            warm_up(scans[gaps[0].left], gaps[0].top)
        _announce(scans, source, options, gaps)
    windows = windows_of(scans, gaps)
    total = sum(scan.num_windows for scan in scans.values())
    bar = tqdm(
        total=max(windows, total),
        initial=max(total - windows, 0),
        unit='window',
        desc=source.path.name,
        disable=not options.progress,
    )
    with bar:
        if watcher is not None:
            _tick(bar, watcher, 0)
        for gap in gaps:
            scan = scans[gap.left]
            scan.tick = bar.update
            if watcher is not None:
                scan.show = watcher.window
                scan.tick = partial(_tick, bar, watcher)
            rows = map_rows(scan, scheme, gap.top)
            keep_rows(rows, gap.bottom, scan, scheme, options, work)


def lanes_of(source: RasterSource, options: SceneOptions) -> list[Block]:
    """The lanes of a scene from top to bottom, as blocks.

    Args:
        source (RasterSource): The scene.
        options (SceneOptions): Give the windows.
    """
    lanes = make_lanes(source, options.tiling)
    return [Block(x.left, x.right, 0, source.shape[0]) for x in lanes]


def lane_scans(
    model: ScoreModel,
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    **more: Any,
) -> dict[int, Scan]:
    """A scan for each lane of a scene.

    Args:
        model (ScoreModel): The model.
        source (RasterSource): The scene.
        scheme (LabelScheme): What the ids mean.
        options (SceneOptions): Give the windows.
        **more: Of :class:`Scan`.

    Returns:
        dict[int, Scan]: By the first column of the lane.
    """
    return {
        lane.left: Scan(
            model,
            source,
            options.tiling,
            scheme.num_scores,
            lane=lane,
            **more,
        )
        for lane in make_lanes(source, options.tiling)
    }


def windows_of(scans: Mapping[int, Scan], blocks: Iterable[Block]) -> int:
    """How many windows must be predicted for blocks.

    Args:
        scans (Mapping[int, Scan]): See :func:`lane_scans`.
        blocks (Iterable[Block]): The blocks.
    """
    return sum(
        len(strips_of(scans[b.left], b.top, b.bottom))
        * len(scans[b.left].columns)
        for b in blocks
    )


def _tick(bar: 'tqdm[None]', watcher: Watcher, windows: int) -> None:
    # A bar that is not shown does not count.
    bar.n += windows
    bar.update(0)
    watcher.progress(int(bar.n), int(bar.total or 0))


def _gaps(
    work: WorkFolder,
    source: RasterSource,
    options: SceneOptions,
    within: Sequence[Block] | None,
) -> list[Block]:
    gaps = work.missing(lanes_of(source, options))
    return gaps if within is None else overlaps(within, gaps)


def keep_rows(
    rows: Iterator[MapRows],
    bottom: int,
    scan: Scan,
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
) -> None:
    """Keep rows as they come, up to a row.

    Args:
        rows (Iterator[MapRows]): Of :func:`map_rows`.
        bottom (int): Row after the last one to keep. Rows that come with it
            and lie below are dropped.
        scan (Scan): The scan, for its clock.
        scheme (LabelScheme): What the ids mean.
        options (SceneOptions): Whether scores are kept.
        work (WorkFolder): Where the rows go.
    """
    for top, labels, scores in rows:
        wanted = bottom - top
        labels, scores = labels[:wanted], scores[:, :wanted]
        kept = None
        if options.scores:
            with scan.clock('deciding'):
                kept = _quantise(scores, labels != scheme.nodata)
        with scan.clock('writing'):
            work.save(scan.lane.left, top, labels, kept)
        if top + len(labels) == bottom:
            return


def _batches(options: SceneOptions, work: WorkFolder) -> BatchLog:
    try:
        return BatchLog(options.tiling.batch, work.batches)
    except ValueError:
        # Other batches could change the last digits of the rows to come.
        logger.warning('%s is damaged; starting anew', work.batches)
        work.drop_rows()
        return BatchLog(options.tiling.batch, work.batches)


def _announce(
    scans: Mapping[int, Scan],
    source: RasterSource,
    options: SceneOptions,
    gaps: Sequence[Block],
) -> None:
    polygons = options.polygons is not None
    needed = max(
        scene_memory(scan, source, options.scores, polygons)
        for scan in scans.values()
    )
    scan = scans[0]
    logger.info(
        '%s: %d x %d pixels, %d windows of %d x %d; memory about %s (%s of '
        'it for the model and this program), whatever the size of the scene',
        source.path,
        source.shape[1],
        source.shape[0],
        sum(s.num_windows for s in scans.values()),
        scan.columns.size,
        scan.strips.size,
        readable(peak_memory() + needed),
        readable(peak_memory()),
    )
    for note in source.notes:
        logger.info('%s', note)
    if gaps != lanes_of(source, options):
        logger.info(
            'resuming at %s; %.1f %% of the scene is missing',
            gaps[0],
            100 * sum(gap.area for gap in gaps) / np.prod(source.shape),
        )


def _quantise(scores: Tensor, valid: np.ndarray) -> np.ndarray:
    kept = np.empty(scores.shape, np.uint8)
    for top in range(0, scores.shape[1], _CHUNK):
        rows = scores[:, top : top + _CHUNK].clamp(0, 1) * SCORE_STEPS
        kept[:, top : top + _CHUNK] = rows.round().to(torch.uint8).numpy()
    kept[:, ~valid] = SCORE_NODATA
    return kept
