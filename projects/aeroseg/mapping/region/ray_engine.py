# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Workers as actors of a Ray cluster (the extra `ray`)."""

import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aeroseg.errors import reason
from aeroseg.mapping.block import Block

from .engine import Event
from .worker import Attempts, RegionJob

logger = logging.getLogger(__name__)


class RayWorker:
    """An actor: predicts blocks in one thread, answers in another."""

    def __init__(self, job: RegionJob, number: int) -> None:
        self._windows = 0
        self._attempt = Attempts(job, number, self._tick)

    def _tick(self, windows: int) -> None:
        self._windows += windows

    def run(self, block: Block) -> str:
        """Predict a block; the reason if that fails."""
        return self._attempt(block)

    def windows(self) -> tuple[int, str, int]:
        """Windows done so far, node and process."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        return self._windows, node, os.getpid()


class RayEngine:
    """An actor per worker. Only names and numbers pass through Ray.

    Every machine must see the scene, the output folder and the files of the
    model under the same paths, and have the same version of AerOSeg.

    Args:
        job (RegionJob): The job.
        size (int): Number of workers. Those that find no free machine wait
            for one; the others do the work meanwhile.
        address (str | None): Of a cluster, or 'auto'; None starts Ray on
            this machine.
        gpus (bool): Whether workers use GPUs where the cluster has some.

    Raises:
        ValueError: If ray is not installed, or there is no such cluster.
    """

    def __init__(
        self,
        job: RegionJob,
        size: int,
        address: str | None = None,
        gpus: bool = True,
    ) -> None:
        self._ray, self._own = _connect(address)
        resources = self._ray.cluster_resources()
        cores = max(1, int(resources.get('CPU', 1)) // size)
        found = resources.get('GPU', 0) if gpus else 0
        self.size = size
        self.job = replace(job, threads=cores)
        self._options = {
            'num_cpus': cores,
            'num_gpus': min(1, found / size),
            'max_concurrency': 2,
        }
        self._class = self._ray.remote(RayWorker)
        self._actors: dict[int, Any] = {}
        self._runs: dict[Any, int] = {}
        self._asked: dict[Any, int] = {}
        self._windows: dict[int, int] = {}  # of the workers that are ready
        self._places: dict[int, tuple[str, int]] = {}  # node, process

    def start(self, worker: int) -> None:
        """See :class:`Engine`."""
        self._end(worker)
        actor = self._class.options(**self._options).remote(self.job, worker)
        self._actors[worker] = actor
        self._ask(worker)

    def is_ready(self, worker: int) -> bool:
        """See :class:`Engine`."""
        return worker in self._windows

    def submit(self, worker: int, block: Block) -> None:
        """See :class:`Engine`."""
        run = self._actors[worker].run.remote(block)
        self._runs[run] = worker

    def wait(self, seconds: float) -> Sequence[Event]:
        """See :class:`Engine`."""
        events = []
        waiting = list(self._runs) or list(self._asked)
        done, _ = self._ray.wait(waiting, timeout=seconds)
        for run in done:
            if run in self._runs:
                events.append(self._result(run))
        answered, _ = (
            self._ray.wait(
                list(self._asked), num_returns=len(self._asked), timeout=0
            )
            if self._asked
            else ([], [])
        )
        for ask in answered:
            events += self._answer(ask)
        return events

    def close(self) -> None:
        """See :class:`Engine`."""
        for worker in list(self._actors):
            self._end(worker)
        if self._own:
            self._ray.shutdown()

    def _ask(self, worker: int) -> None:
        self._asked[self._actors[worker].windows.remote()] = worker

    def _result(self, run: Any) -> Event:
        worker = self._runs.pop(run)
        try:
            why = self._ray.get(run)
        except self._ray.exceptions.RayError as error:
            return self._lost(worker, error)
        return Event(worker, 'failed' if why else 'done', reason=why)

    def _answer(self, ask: Any) -> list[Event]:
        worker = self._asked.pop(ask)
        try:
            windows, *place = self._ray.get(ask)
        except self._ray.exceptions.RayError as error:
            if worker in self._runs.values():
                return []  # its block will say so as well
            return [self._lost(worker, error)]
        more = windows - self._windows.get(worker, 0)
        self._windows[worker] = windows
        self._places[worker] = (place[0], place[1])
        self._ask(worker)
        # An answer without a new window is no progress: the thread that
        # answers runs on where the one that predicts hangs.
        return [Event(worker, 'tick', more)] if more else []

    def _lost(self, worker: int, error: Exception) -> Event:
        self._end(worker)
        # The last line of a traceback is the error; else the first says it.
        lines = str(error).strip().splitlines()
        traced = any(line.startswith('Traceback') for line in lines)
        why = lines[-1 if traced else 0]
        return Event(worker, 'lost', reason=why.strip())

    def _end(self, worker: int) -> None:
        actor = self._actors.pop(worker, None)
        self._windows.pop(worker, None)
        place = self._places.pop(worker, None)
        busy = worker in self._runs.values()
        for known in (self._runs, self._asked):
            for ref in [r for r, owner in known.items() if owner == worker]:
                del known[ref]
        if actor is None:
            return
        self._ray.kill(actor)
        if busy and place is not None:
            # Ray asks the process to end, which one that is stopped does not.
            self._end_process(*place)

    def _end_process(self, node: str, process: int) -> None:
        """End a process of a node, from that node."""
        from ray.util.scheduling_strategies import (
            NodeAffinitySchedulingStrategy as Affinity,
        )

        task = self._ray.remote(_kill_actor).options(
            num_cpus=0,
            max_retries=0,
            scheduling_strategy=Affinity(node, soft=False),
        )
        # The node may be gone as well: nothing waits for long.
        self._ray.wait([task.remote(process)], timeout=10)


def _kill_actor(process: int) -> None:
    name = Path(f'/proc/{process}/cmdline')
    if name.is_file() and b'ray::' in name.read_bytes():
        os.kill(process, signal.SIGKILL)


def _connect(address: str | None) -> tuple[Any, bool]:
    """Ray, and whether it was started here."""
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "--engine ray needs Ray: pip install 'aeroseg[ray]'"
        ) from error
    # Nothing is reported to anyone unless the user asks for it.
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    if ray.is_initialized():
        return ray, False
    more: dict[str, Any] = {'address': address}
    if address is None:
        # Pixels never pass through its store.
        more = {
            'include_dashboard': False,
            'object_store_memory': 10**8,
            '_node_ip_address': '127.0.0.1',
        }
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **more)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ValueError(
            f'there is no Ray cluster at {address!r} ({reason(error)}); start '
            'one with `ray start --head`, or leave out --address'
        ) from error
    return ray, True
