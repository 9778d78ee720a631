# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Where workers run: the interface, and processes of this machine."""

import multiprocessing
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, NamedTuple, Protocol

from aeroseg.mapping.block import Block

from .worker import Attempts, RegionJob

Kind = Literal['tick', 'done', 'failed', 'lost']


class Event(NamedTuple):
    """What a worker reports.

    Attributes:
        worker (int): Its number.
        kind (str): 'tick' (windows were done), 'done' (its block is kept),
            'failed' (its block gave an error) or 'lost' (the worker ended).
        windows (int): With 'tick'.
        reason (str): With 'failed' and 'lost'.
    """

    worker: int
    kind: Kind
    windows: int = 0
    reason: str = ''


class Engine(Protocol):
    """Runs workers somewhere. Pixels go through files, never through it."""

    size: int

    def start(self, worker: int) -> None:
        """Start a worker, or start it anew. Its old process is ended."""

    def is_ready(self, worker: int) -> bool:
        """Whether a worker can take a block: it may wait for a machine."""

    def submit(self, worker: int, block: Block) -> None:
        """Let an idle worker predict a block."""

    def wait(self, seconds: float) -> Sequence[Event]:
        """What has happened, at the latest after so many seconds."""

    def close(self) -> None:
        """End all workers."""


class LocalEngine:
    """A process per worker on this machine.

    Args:
        job (RegionJob): The job.
        size (int): Number of workers.
        method (str): How processes are started, 'spawn' or 'forkserver';
            not 'fork', in whose children a worker's pipe stays open.
    """

    def __init__(
        self, job: RegionJob, size: int, method: str = 'spawn'
    ) -> None:
        self.job = job
        self.size = size
        self._context: Any = multiprocessing.get_context(method)
        self._processes: dict[int, Any] = {}
        self._pipes: dict[int, Connection] = {}

    def start(self, worker: int) -> None:
        """See :class:`Engine`."""
        self._end(worker)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve,
            args=(theirs, self.job, worker),
            name=f'aeroseg worker {worker}',
            daemon=True,
        )
        process.start()
        theirs.close()
        self._processes[worker], self._pipes[worker] = process, ours

    def is_ready(self, worker: int) -> bool:
        """See :class:`Engine`."""
        return worker in self._pipes

    def submit(self, worker: int, block: Block) -> None:
        """See :class:`Engine`."""
        with suppress(OSError):  # it has ended, which wait() will report
            self._pipes[worker].send(block)

    def wait(self, seconds: float) -> Sequence[Event]:
        """See :class:`Engine`."""
        workers = {pipe: worker for worker, pipe in self._pipes.items()}
        events = []
        for pipe in wait(list(workers), seconds):
            worker = workers[pipe]  # type: ignore[index]
            try:
                events.append(self._pipes[worker].recv())
            except (EOFError, OSError):
                events.append(Event(worker, 'lost', reason=self._end(worker)))
        return events

    def close(self) -> None:
        """See :class:`Engine`."""
        for worker in list(self._processes):
            self._end(worker)

    def _end(self, worker: int) -> str:
        """End a process, even one that is stopped; say how it ended."""
        process = self._processes.pop(worker, None)
        pipe = self._pipes.pop(worker, None)
        if pipe is not None:
            pipe.close()
        if process is None:
            return ''
        process.join(0.5)
        running = process.exitcode is None
        if running:
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        if running or code is None:
            return 'it did not answer and was ended'
        if code < 0:
            return f'its process was ended by {signal.Signals(-code).name}'
        return f'its process ended with status {code}'


def _serve(pipe: Connection, job: RegionJob, number: int) -> None:
    """The life of a worker's process; it ends with the driver's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver ends us

    def tick(windows: int) -> None:
        pipe.send(Event(number, 'tick', windows))

    attempt = Attempts(job, number, tick)
    # The other end closes when the driver ends, however it does.
    with suppress(EOFError, OSError):
        while True:
            why = attempt(pipe.recv())
            kind: Kind = 'failed' if why else 'done'
            pipe.send(Event(number, kind, reason=why))
