# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Jobs: what was asked, how far it is, and the queue that runs them.

A job is a folder with `job.json` and the results of predict.py. The files
are the truth: a server that starts finds them and resumes what is unfinished.
"""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from aeroseg.command_line import REPORT, describe
from aeroseg.files import atomic_path
from aeroseg.mapping.job.output_folder import UnfinishedError
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.vocabulary import Vocabulary

from .maps import FinishedMap, LiveMap, finished_map
from .scenes import UnknownNameError

logger = logging.getLogger(__name__)

State = Literal['waiting', 'running', 'done', 'failed', 'cancelled']
_PATIENCE = 10.0  # seconds that the end of the server waits for a window
MARK = 'job.json'
WORDS = 'words.txt'


class CancelledError(UnfinishedError):
    """A user or the end of the server stopped a job; its rows are kept."""


@dataclass(frozen=True)
class Question:
    """What is asked of a scene.

    Attributes:
        scene (str): Its short name.
        words (Vocabulary): The words, with colours.
        crop (tuple[int, ...] | None): First column, first row, width and
            height in pixels; None for the whole scene.
        gsd (float | None): Ground resolution that the model is to see.
    """

    scene: str
    words: Vocabulary
    crop: tuple[int, ...] | None = None
    gsd: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'Question':
        """The inverse of :meth:`to_dict`."""
        crop = values['crop']
        return cls(
            values['scene'],
            Vocabulary.from_dict(values['words']),
            None if crop is None else tuple(crop),
            values['gsd'],
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return {
            'scene': self.scene,
            'words': self.words.to_dict(),
            'crop': self.crop,
            'gsd': self.gsd,
        }


@dataclass
class Job:
    """A question and its answer so far; the :class:`Watcher` of its scan.

    Attributes:
        name (str): Name of its folder.
        folder (Path): The folder.
        question (Question): What is asked.
        created (float): When, in seconds since 1970.
        state (str): See `State`.
        error (str): Why it failed.
        done (int): Windows that are done.
        total (int): Windows of all; 0 before it is known.
        live (LiveMap | None): The map while it is made.
        result (FinishedMap | None): The results.
    """

    name: str
    folder: Path
    question: Question
    created: float = field(default_factory=time.time)
    state: State = 'waiting'
    error: str = ''
    done: int = 0
    total: int = 0
    live: LiveMap | None = None
    result: FinishedMap | None = None
    began: float = 0.0
    _first: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def scheme(self) -> LabelScheme:
        """What the ids of its map mean."""
        return LabelScheme(self.question.words)

    @property
    def is_gone(self) -> bool:
        """Whether it was done, and its results are no longer there."""
        return self.state == 'done' and finished_map(self.folder) is None

    @property
    def seconds_left(self) -> float | None:
        """An estimate; None while there is none."""
        done = self.done - self._first
        if self.state != 'running' or done < 1:
            return None
        return (self.total - self.done) * (time.time() - self.began) / done

    def save(self) -> None:
        """Write `job.json` and the words."""
        content = {
            'question': self.question.to_dict(),
            'created': self.created,
            'state': self.state,
            'error': self.error,
        }
        with atomic_path(self.folder / MARK) as part:
            part.write_text(json.dumps(content, indent=2), 'utf-8')
        words = self.question.words
        lines = (
            f'{", ".join(group)} [#{r:02X}{g:02X}{b:02X}]\n'
            for group, (r, g, b) in zip(
                words.synonyms, words.palette, strict=True
            )
        )
        with atomic_path(self.folder / WORDS) as part:
            part.write_text(''.join(lines), 'utf-8')

    @classmethod
    def load(cls, folder: Path) -> 'Job':
        """Read a job that an earlier server has left.

        Raises:
            ValueError: If it cannot be read.
        """
        try:
            content = json.loads((folder / MARK).read_text('utf-8'))
            job = cls(
                folder.name,
                folder,
                Question.from_dict(content['question']),
                float(content['created']),
                content['state'],
                str(content['error']),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f'{folder / MARK} is damaged: {error}') from error
        job.result = finished_map(folder)
        if job.result is not None:
            job.state = 'done'
        elif job.state in ('running', 'done'):
            job.state = 'waiting'
        return job

    def stop(self) -> None:
        """End the scan after the window it is at."""
        self._stop.set()

    def begin(self) -> None:
        """Forget an earlier attempt."""
        self._stop.clear()
        self.state, self.error = 'running', ''
        self.done = self.total = 0
        self.began, self._first = time.time(), 0

    def window(self, top: int, left: int, scores: torch.Tensor) -> None:
        """See :class:`Watcher`."""
        if self.live is not None:
            self.live.paint_scores(top, left, scores)

    def progress(self, done: int, total: int) -> None:
        """See :class:`Watcher`.

        Raises:
            CancelledError: If the job is to stop.
        """
        if not self.total:
            self._first, self.began = done, time.time()
        self.done, self.total = done, total
        if self._stop.is_set():
            raise CancelledError('stopped')


class JobQueue:
    """Runs jobs one after the other, in one thread.

    Args:
        folder (Path): Folder of the jobs' folders.
        run (Callable[[Job], None]): Answers a question; raises if it cannot.
    """

    def __init__(self, folder: Path, run: Callable[[Job], None]) -> None:
        self.folder = folder
        self._run = run
        self._jobs: dict[str, Job] = {}
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._closing = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Find the jobs of an earlier server, and begin to work."""
        found = []
        for mark in self.folder.glob(f'*/{MARK}'):
            try:
                found.append(Job.load(mark.parent))
            except ValueError as error:
                logger.warning('%s; it is left out', error)
        for job in sorted(found, key=lambda job: job.created):
            self._jobs[job.name] = job
            if job.state == 'waiting':
                self._waiting.put(job.name)
        self._thread.start()

    def close(self) -> None:
        """Stop; an unfinished job resumes when the next server starts."""
        self._closing = True
        for job in self._jobs.values():
            job.stop()
        self._waiting.put(None)
        # A large model may be long at one batch; what it has kept is whole.
        self._thread.join(_PATIENCE)

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._jobs.values()))

    def __getitem__(self, name: str) -> Job:
        if name not in self._jobs:
            raise UnknownNameError(name)
        return self._jobs[name]

    def add(self, name: str, question: Question) -> Job:
        """Ask a question.

        Args:
            name (str): The same for the same question: it is not computed
                twice.
            question (Question): What is asked.

        Raises:
            OSError: If the folder cannot be written.
        """
        with self._lock:
            job = self._jobs.pop(name, None)
            if job is None:
                job = Job(name, self.folder / name, question)
                job.save()
                self._waiting.put(name)
            elif job.state in ('failed', 'cancelled') or job.is_gone:
                self._again(job)
            # The page shows the newest last.
            self._jobs[name] = job
            job.created = time.time()
            return job

    def cancel(self, name: str) -> Job:
        """Stop a job; what is done of it is kept."""
        with self._lock:
            job = self[name]
            if job.state == 'waiting':
                self._set(job, 'cancelled')
            elif job.state == 'running':
                job.stop()
            return job

    def resume(self, name: str) -> Job:
        """Put a job that was cancelled, or failed, in the queue again."""
        with self._lock:
            job = self[name]
            if job.state in ('failed', 'cancelled'):
                self._again(job)
            return job

    def _again(self, job: Job) -> None:
        self._set(job, 'waiting')
        self._waiting.put(job.name)

    def _set(self, job: Job, state: State, error: str = '') -> None:
        job.state, job.error = state, error
        try:
            job.save()
        except OSError as problem:
            logger.warning('%s cannot be written: %s', job.folder, problem)

    def _work(self) -> None:
        while not self._closing and (name := self._waiting.get()) is not None:
            job = self._jobs[name]
            with self._lock:
                if job.state != 'waiting':
                    continue
                job.begin()
            try:
                self._run(job)
                job.result = FinishedMap(job.folder)
            except CancelledError:
                # Only a user's wish is remembered.
                self._set(job, 'waiting' if self._closing else 'cancelled')
            except Exception as error:
                sentence = describe(error)
                if sentence is None:
                    logger.exception('%s failed', job.name)
                self._set(job, 'failed', sentence or REPORT)
            else:
                job.live = None
                self._set(job, 'done')
