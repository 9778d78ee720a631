# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The long part of a job, by several workers or by runs that share it."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from aeroseg.mapping.block import overlaps
from aeroseg.mapping.job.output_folder import UnfinishedError
from aeroseg.mapping.job.scan_scene import (
    lane_scans,
    lanes_of,
    windows_of,
)
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.job.work_folder import WorkFolder
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.windows.score_model import ScoreModel

from .blocks import make_blocks
from .driver import Driver, Report
from .engine import Engine, LocalEngine
from .worker import RegionJob

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScanByWorkers:
    """Predicts what is missing of a scene by several workers.

    This is the ``scan`` of :func:`predict_scene`. The work folder is the
    only record of what is finished; any number of workers, in any order,
    gives the same bytes.

    Attributes:
        make_model (Callable[[int], ScoreModel]): Builds the model of the
            worker of that number, in its process; can be pickled.
        workers (int): Number of workers.
        patience (float): Seconds without a sign of life after which a
            worker is replaced.
        make_engine (Callable[[RegionJob, int], Engine]): Where they run.
        threads (int): CPU threads per worker; 0 divides the cores.
    """

    make_model: Callable[[int], ScoreModel]
    workers: int
    patience: float = 600.0
    make_engine: Callable[[RegionJob, int], Engine] = LocalEngine
    threads: int = 0
    attempts: int = field(default=3)

    def __call__(
        self,
        model: ScoreModel,
        source: RasterSource,
        scheme: LabelScheme,
        options: SceneOptions,
        work: WorkFolder,
        clock: Stopwatch,
    ) -> None:
        """See :func:`aeroseg.mapping.job.scan_scene.scan_scene`.

        Raises:
            UnfinishedError: If blocks failed again and again.
        """
        scans = lane_scans(model, source, scheme, options)
        gaps = work.missing(lanes_of(source, options))
        blocks = overlaps(make_blocks(scans, self.workers), gaps)
        if not blocks:
            return
        threads = self.threads or (os.cpu_count() or 1) // self.workers
        job = RegionJob(
            source.path.resolve(),
            work.folder.resolve(),
            work.job,
            scheme,
            options,
            self.make_model,
            max(1, threads),
        )
        logger.info(
            '%s: %d x %d pixels, %d blocks, %d workers',
            source.path,
            source.shape[1],
            source.shape[0],
            len(blocks),
            min(self.workers, len(blocks)),
        )
        bar = tqdm(
            total=windows_of(scans, gaps),
            unit='window',
            desc=source.path.name,
            disable=not options.progress,
        )
        engine = self.make_engine(job, self.workers)
        try:
            with bar, clock('workers'):
                driver = Driver(
                    engine,
                    blocks,
                    bar,
                    Pace(source),
                    self.patience,
                    self.attempts,
                )
                report = driver.run()
        finally:
            engine.close()
        _tell(report, source)


def refuse_missing(
    model: ScoreModel,
    source: RasterSource,
    scheme: LabelScheme,
    options: SceneOptions,
    work: WorkFolder,
    clock: Stopwatch,
) -> None:
    """Predict nothing: all rows must have been kept by shares.

    Raises:
        UnfinishedError: If rows are missing.
    """
    gaps = work.missing(lanes_of(source, options))
    if gaps:
        share = sum(gap.area for gap in gaps) / np.prod(source.shape)
        places = ', '.join(map(str, gaps[:5]))
        raise UnfinishedError(
            f'{100 * share:.1f} % of {source.path} is missing ({places}): '
            'run the share that ended early again, or give the command '
            'without --assemble to predict the rest here'
        )


class Pace:
    """How fast a map grows, for the progress bar.

    Args:
        source (RasterSource): The scene.
    """

    def __init__(self, source: RasterSource) -> None:
        self._started = time.monotonic()
        self._area = 0.0  # of a pixel, km2
        if source.resolution is not None:
            self._area = source.resolution[0] * source.resolution[1] / 1e6

    def __call__(self, left: int, pixels: int) -> str:
        """Text from the number of blocks left and of pixels done."""
        text = f'{left} blocks left'
        if self._area:
            hours = (time.monotonic() - self._started) / 3600
            text += f', {self._area * pixels / hours:.3g} km2/h'
        return text


def _tell(report: Report, source: RasterSource) -> None:
    if report.lost or report.retried:
        logger.warning(
            'workers lost: %d; blocks handed out again: %d; given up: %d',
            report.lost,
            report.retried,
            len(report.poisoned),
        )
    if report.poisoned:
        block, why = next(iter(report.poisoned.items()))
        raise UnfinishedError(
            f'{len(report.poisoned)} blocks of {source.path} could not be '
            f'predicted, the first is {block}: {why}. The '
            'others are kept: give the same command again to retry these'
        )
