# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What a worker does: predict blocks of a scene into the work folder."""

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from aeroseg.errors import reason
from aeroseg.mapping.block import Block
from aeroseg.mapping.job.predict_scene import open_scene
from aeroseg.mapping.job.scan_scene import keep_rows, lane_scans
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.job.work_folder import WorkFolder
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.remote_scene import Scene
from aeroseg.mapping.windows.map_rows import MapRows, map_rows
from aeroseg.mapping.windows.score_model import ScoreModel

logger = logging.getLogger(__name__)

Tick = Callable[[int], object]


@dataclass(frozen=True)
class RegionJob:
    """All that a worker must know; it can be sent to another machine.

    Attributes:
        scene (Scene): The file, under a path that every worker can read.
        folder (Path): Work folder, which every worker can write.
        job (dict): Everything that determines the result.
        scheme (LabelScheme): What the ids mean.
        options (SceneOptions): How the scene is read and predicted.
        make_model (Callable[[int], ScoreModel]): Builds the model of the
            worker of that number.
        threads (int): CPU threads per worker; 0 leaves them as they are.
    """

    scene: Scene
    folder: Path
    job: dict[str, Any]
    scheme: LabelScheme
    options: SceneOptions
    make_model: Callable[[int], ScoreModel]
    threads: int = 0


class BlockWorker:
    """Predicts blocks, and continues where the last one ended if it can.

    Args:
        job (RegionJob): The job.
        number (int): Of this worker, from 0.
        tick (Callable[[int], object]): Called with the number of windows
            that were done.

    Raises:
        FileNotFoundError: If the scene, or a file of the model, is missing.
        ValueError: If one of them cannot be read.
    """

    def __init__(self, job: RegionJob, number: int, tick: Tick) -> None:
        if job.threads:
            torch.set_num_threads(job.threads)
        self._open = ExitStack()
        options = job.options
        self.source = self._open.enter_context(open_scene(job.scene, options))
        self.job = job
        self.work = WorkFolder(job.folder, job.job, shared=True)
        model = job.make_model(number)
        self.scans = lane_scans(
            model, self.source, job.scheme, options, tick=tick
        )
        self._rows: Iterator[MapRows] = iter(())
        self._last: Block | None = None

    def run(self, block: Block) -> None:
        """Predict a block and keep it.

        Args:
            block (Block): Ends where strips end, see :func:`make_blocks`, or
                at rows that are kept already.

        Raises:
            ValueError: If pixels cannot be read, or scores are not finite.
            OSError: If the work folder cannot be written.
            MemoryError: If a window does not fit into memory.
        """
        scan, scheme = self.scans[block.left], self.job.scheme
        if self._last is None or not block.is_below(self._last):
            self._rows = map_rows(scan, scheme, block.top)
        self._last = None
        options, work = self.job.options, self.work
        keep_rows(self._rows, block.bottom, scan, scheme, options, work)
        self._last = block

    def close(self) -> None:
        """Close the scene."""
        self._open.close()


class Attempts:
    """A worker that is made when its first block comes, and keeps errors.

    Args:
        job (RegionJob): The job.
        number (int): Of the worker.
        tick (Callable[[int], object]): See :class:`BlockWorker`.
    """

    def __init__(self, job: RegionJob, number: int, tick: Tick) -> None:
        logging.getLogger('aeroseg').setLevel(logging.WARNING)
        self._given = (job, number, tick)
        self._worker: BlockWorker | None = None

    def __call__(self, block: Block) -> str:
        """Predict a block.

        Returns:
            str: Why that failed; empty if the block is kept.

        Raises:
            BrokenPipeError: If the driver has gone.
        """
        try:
            self._worker = self._worker or BlockWorker(*self._given)
            self._worker.run(block)
        except BrokenPipeError:
            raise
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            logger.debug('%s', traceback.format_exc())
            return reason(error) or type(error).__name__
        return ''
