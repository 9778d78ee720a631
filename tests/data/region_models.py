# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Models that workers build in their processes, some of them in trouble."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from aeroseg.mapping.region.engine import LocalEngine
from aeroseg.mapping.region.worker import RegionJob


def start_engine(job: RegionJob, size: int) -> LocalEngine:
    """Workers that are forks of the server of :mod:`tool_process`."""
    import tool_process  # noqa: F401  (which says what it imports)

    return LocalEngine(job, size, method='forkserver')


def kill() -> None:
    """End this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    """Stop this process."""
    os.kill(os.getpid(), signal.SIGSTOP)


def fail() -> None:
    """An error."""
    raise RuntimeError('a wire came loose')


def nap() -> None:
    """Take some time."""
    time.sleep(0.2)


def hang() -> None:
    """Wait for something that never comes; other threads run on."""
    time.sleep(10**6)


class Maker:
    """Gives every worker the same model, in some trouble.

    Args:
        model (nn.Module): Predicts.
        happen (Callable[[], None] | None): What happens.
        mark (Path | None): File that is there once it has happened; None:
            it happens at every batch.
        poison (float | None): Happens always where the pixel (20, 20) of an
            image has that red value; None: once, at the third batch.
        pids (Path | None): Folder for a file per worker process.
    """

    def __init__(
        self,
        model: Any,
        happen: Any = None,
        mark: Path | None = None,
        poison: float | None = None,
        pids: Path | None = None,
    ) -> None:
        self.model = model
        self.happen = happen
        self.mark = mark
        self.poison = poison
        self.pids = pids
        self.calls = 0

    def __call__(self, number: int) -> 'Maker':
        """The model of a worker."""
        if self.pids is not None:
            (self.pids / str(os.getpid())).touch()
        return self

    def predict_scores(self, images: Tensor) -> Tensor:
        """See :class:`ScoreModel`."""
        self.calls += 1
        if self.happen is not None and self._is_time(images):
            self.happen()
        return self.model.predict_scores(images)

    def _is_time(self, images: Tensor) -> bool:
        if self.poison is not None:
            return bool((images[:, 0, 20, 20] == self.poison).any())
        if self.mark is None:
            return True
        if self.calls != 3 or self.mark.exists():
            return False
        self.mark.touch()
        return True


def no_model(number: int) -> Any:
    """A model that cannot be built."""
    raise ValueError('there is no such checkpoint')
