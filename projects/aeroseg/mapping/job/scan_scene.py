# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The long part of a job: predict the rows of a scene and keep them."""

import logging

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.windows.batch_log import BatchLog
from aeroseg.mapping.windows.map_rows import map_rows, warm_up
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.score_model import ScoreModel
from aeroseg.mapping.writing.geotiff import SCORE_NODATA, SCORE_STEPS

from .memory import peak_memory, readable, scene_memory
from .scene_options import SceneOptions
from .work_folder import WorkFolder

logger = logging.getLogger(__name__)

_CHUNK = 64  # rows of scores that are rounded at a time


def scan_scene(
    model: ScoreModel,
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
    clock: Stopwatch,
) -> None:
    """Predict all rows that the work folder does not hold yet.

    Args:
        model (ScoreModel): The model.
        source (RasterSource): The scene.
        scheme (LabelScheme): What the ids mean.
        options (SceneOptions): Tiling, and whether scores are kept.
        work (WorkFolder): Where the rows go.
        clock (Stopwatch): Counts the time.
    """
    batches = _batches(options, work)
    done = work.rows_done()
    if done == source.shape[0]:
        return
    scan = Scan(
        model,
        source,
        options.tiling,
        scheme.num_scores,
        clock=clock,
        batches=batches,
    )
    with clock('warm-up'):
        warm_up(scan, done)
    _announce(scan, source, options, done)
    bar = tqdm(
        total=scan.num_windows,
        unit='window',
        desc=source.path.name,
        disable=not options.progress,
    )
    with bar:
        scan.tick = bar.update
        for top, labels, scores in map_rows(scan, scheme, done):
            kept = None
            if options.scores:
                with clock('deciding'):
                    kept = _quantise(scores, labels != scheme.nodata)
            with clock('writing'):
                work.save(top, labels, kept)


def _batches(options: SceneOptions, work: WorkFolder) -> BatchLog:
    try:
        return BatchLog(options.tiling.batch, work.batches)
    except ValueError:
        # Other batches could change the last digits of the rows to come.
        logger.warning('%s is damaged; starting anew', work.batches)
        work.drop_rows()
        return BatchLog(options.tiling.batch, work.batches)


def _announce(
    scan: Scan, source: RasterSource, options: SceneOptions, done: int
) -> None:
    polygons = options.polygons is not None
    needed = scene_memory(scan, source, options.scores, polygons)
    logger.info(
        '%s: %d x %d pixels, %d windows of %d x %d; memory about %s (%s of '
        'it for the model and this program), whatever the height',
        source.path,
        source.shape[1],
        source.shape[0],
        scan.num_windows,
        scan.columns.size,
        scan.strips.size,
        readable(peak_memory() + needed),
        readable(peak_memory()),
    )
    for note in source.notes:
        logger.info('%s', note)
    if done:
        logger.info('resuming at row %d of %d', done, source.shape[0])


def _quantise(scores: Tensor, valid: np.ndarray) -> np.ndarray:
    kept = np.empty(scores.shape, np.uint8)
    for top in range(0, scores.shape[1], _CHUNK):
        rows = scores[:, top : top + _CHUNK].clamp(0, 1) * SCORE_STEPS
        kept[:, top : top + _CHUNK] = rows.round().to(torch.uint8).numpy()
    kept[:, ~valid] = SCORE_NODATA
    return kept
