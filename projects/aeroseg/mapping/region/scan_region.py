# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The long part of a job, by several workers or by runs that share it."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tqdm import tqdm

from aeroseg.mapping.job.output_folder import UnfinishedError
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.job.work_folder import WorkFolder, overlaps
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.stopwatch import Stopwatch
from aeroseg.mapping.windows.map_rows import strips_of
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.score_model import ScoreModel

from .blocks import make_blocks
from .driver import Driver, Report
from .engine import Engine, LocalEngine
from .worker import RegionJob

logger = logging.getLogger(__name__)

_BLOCKS = 4  # per worker at least, where there are so many strips
_STRIPS = 8  # per block at most


def strips_per_block(strips: int, workers: int) -> int:
    """How many strips of windows a block has.

    Args:
        strips (int): Of the scene.
        workers (int): How many share them.
    """
    return max(1, min(_STRIPS, strips // (_BLOCKS * workers)))


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
        scan = Scan(model, source, options.tiling, scheme.num_scores)
        strips = strips_per_block(len(scan.strips), self.workers)
        blocks = overlaps(
            make_blocks(scan, strips), work.missing(source.shape[0])
        )
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
        columns = len(scan.columns)
        windows = sum(len(strips_of(scan, *b)) for b in blocks) * columns
        logger.info(
            '%s: %d x %d pixels, %d blocks of rows, %d workers',
            source.path,
            source.shape[1],
            source.shape[0],
            len(blocks),
            min(self.workers, len(blocks)),
        )
        bar = tqdm(
            total=min(windows, scan.num_windows),
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
    gaps = work.missing(source.shape[0])
    if gaps:
        rows = ', '.join(f'{top} to {bottom}' for top, bottom in gaps[:5])
        raise UnfinishedError(
            f'{sum(b - t for t, b in gaps)} of {source.shape[0]} rows of '
            f'{source.path} are missing ({rows}): run the share that ended '
            'early again, or give the command without --assemble to predict '
            'them here'
        )


class Pace:
    """How fast a map grows, for the progress bar.

    Args:
        source (RasterSource): The scene.
    """

    def __init__(self, source: RasterSource) -> None:
        self._started = time.monotonic()
        self._area = 0.0  # of a row, km2
        if source.resolution is not None:
            down, across = source.resolution
            self._area = down * across * source.shape[1] / 1e6

    def __call__(self, left: int, rows: int) -> str:
        """Text from the number of blocks left and of rows done."""
        text = f'{left} blocks left'
        if self._area:
            hours = (time.monotonic() - self._started) / 3600
            text += f', {self._area * rows / hours:.3g} km2/h'
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
        (top, bottom), why = next(iter(report.poisoned.items()))
        raise UnfinishedError(
            f'{len(report.poisoned)} blocks of {source.path} could not be '
            f'predicted, the first from row {top} to {bottom}: {why}. The '
            'others are kept: give the same command again to retry these'
        )
