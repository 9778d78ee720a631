# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The long part of a scene: predict its rows and keep them."""

import logging

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from aeroseg.mapping.job.memory import (
    peak_memory,
    readable,
    scene_memory,
    warm_up,
)
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.job.work_folder import WorkFolder
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.writing.geotiff import SCORE_NODATA, SCORE_STEPS

from .batch_log import BatchLog
from .resample_rows import ResampleRows
from .scan import Scan
from .score_model import ScoreModel

logger = logging.getLogger(__name__)

_CHUNK = 64  # rows whose classes are decided at a time


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
    done = work.rows_done()
    if done == source.shape[0]:
        return
    batches = BatchLog(options.tiling.batch, work.folder / 'batches.json')
    scan = Scan(
        model,
        source,
        options.tiling,
        scheme.num_scores,
        clock=clock,
        batches=batches,
    )
    resample = ResampleRows(source.grid, source.shape)
    first = resample.first_needed(done)
    with clock('warm-up'):
        warm_up(scan, first)
    _announce(scan, source, options, done)
    bar = tqdm(
        total=scan.num_windows,
        unit='window',
        desc=source.path.name,
        disable=not options.progress,
    )
    with bar:
        scan.tick = bar.update
        rows = scan.rows(first)
        for top, scores in clock.each('resampling', resample(rows, done)):
            with clock('reading'):
                valid = source.valid(top, top + scores.shape[1])
            with clock('deciding'):
                labels = _labels(scores, valid, scheme)
                kept = _quantise(scores, valid) if options.scores else None
            with clock('writing'):
                work.save(top, labels, kept)


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
        scan.bands.size,
        readable(peak_memory() + needed),
        readable(peak_memory()),
    )
    for note in source.notes:
        logger.info('%s', note)
    if done:
        logger.info('going on at row %d of %d', done, source.shape[0])


def _labels(
    scores: Tensor, valid: np.ndarray, scheme: LabelScheme
) -> np.ndarray:
    parts = [scheme.decide(part) for part in scores.split(_CHUNK, dim=1)]
    labels = np.concatenate(parts)
    labels[~valid] = scheme.nodata
    return labels


def _quantise(scores: Tensor, valid: np.ndarray) -> np.ndarray:
    kept = np.empty(scores.shape, np.uint8)
    for top in range(0, scores.shape[1], _CHUNK):
        part = scores[:, top : top + _CHUNK].clamp(0, 1) * SCORE_STEPS
        kept[:, top : top + _CHUNK] = part.round().to(torch.uint8).numpy()
    kept[:, ~valid] = SCORE_NODATA
    return kept
