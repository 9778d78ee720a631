# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Run a converter over all scenes: in parallel, resumable, all or nothing."""

import errno
import os
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from .converter import Converter, Record, Scene
from .manifest import Manifest

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN = 10


class Conversion:
    """One run of a converter into one folder.

    Scenes that an earlier run finished are kept. A scene with a fault does
    not stop the others; :meth:`finish` names all faults together.

    Args:
        converter (Converter): What to convert and how.
        out (str | Path): Folder of the converted dataset.
        workers (int, optional): Processes; 1 runs in this one. Default: one
            per core.

    Raises:
        FileNotFoundError: If a part of the source is missing.
        ValueError: If the source has no known layout, or the folder holds
            another conversion.

    Examples::

        conversion = Conversion(converter, 'data/openearthmap')
        for record in conversion.run():
            pass
        summary = conversion.finish()
    """

    def __init__(
        self, converter: Converter, out: str | Path, workers: int | None = None
    ) -> None:
        self.converter = converter
        self.out = Path(out)
        self.workers = workers or _cores()
        self.scenes = converter.scenes()
        settings = {'dataset': converter.dataset, **converter.settings}
        self.manifest = Manifest(self.out, settings)
        self._check_scenes()
        self.faults: list[str] = []

    def _check_scenes(self) -> None:
        names = Counter(scene.name for scene in self.scenes)
        twice = [s for s in self.scenes if names[s.name] > 1]
        if twice:
            raise ValueError(
                f'{len(twice)} scenes are in the source twice, the first is '
                f'{twice[0].image}; give every file once (unpacked or in its '
                'archive)'
            )
        stale = sorted(set(self.manifest.records) - set(names))
        if stale:
            raise ValueError(
                f'{self.out} holds {len(stale)} scenes that the source does '
                f'not have, the first is {stale[0]}; choose another output '
                'folder, or delete that one'
            )

    @property
    def todo(self) -> list[Scene]:
        """The scenes that are not finished yet."""
        done = self.manifest.records
        return [scene for scene in self.scenes if scene.name not in done]

    def run(self) -> Iterator[Record]:
        """Convert what is left, one record per finished scene.

        Raises:
            OSError: If the disk is full or a file cannot be written.
            RuntimeError: If a process was killed.
        """
        scenes = self.todo
        self.manifest.start()
        try:
            if self.workers == 1 or len(scenes) < 2:
                yield from self._run_here(scenes)
            else:
                yield from self._run_parallel(scenes)
        except OSError as error:
            raise _explained(error, self.out) from error

    def finish(self) -> dict[str, Any]:
        """Write the manifest.

        Returns:
            dict: The content of ``manifest.json``.

        Raises:
            ValueError: If scenes had faults, or the folder holds images that
                do not come from this conversion.
        """
        if self.faults:
            rest = len(self.faults) - _SHOWN
            more = f'\n- and {rest} more' if rest > 0 else ''
            raise ValueError(
                f'{len(self.faults)} of {len(self.scenes)} scenes could not '
                'be converted; the others are done, and a second run '
                'converts only these:\n- '
                + '\n- '.join(self.faults[:_SHOWN])
                + more
            )
        foreign = self.manifest.foreign_files()
        if foreign:
            raise ValueError(
                f'{self.out} holds {len(foreign)} files that do not come from '
                f'this conversion, the first is {foreign[0]}; they would be '
                'read as data. Delete them, or choose another output folder'
            )
        records = list(self.manifest.records.values())
        sentences = self.converter.report(records)
        return self.manifest.finish(self.converter.classes, sentences)

    def _run_here(self, scenes: list[Scene]) -> Iterator[Record]:
        for scene in scenes:
            future: Future[Record] = Future()
            try:
                done = self.converter.convert_scene(scene, self.out)
                future.set_result(done)
            except ValueError as error:
                future.set_exception(error)
            yield from self._collect(future)

    def _run_parallel(self, scenes: list[Scene]) -> Iterator[Record]:
        pool = ProcessPoolExecutor(self.workers)
        # Few jobs wait at a time, so memory does not grow with the scenes.
        waiting: deque[Future[Record]] = deque()
        try:
            for scene in scenes:
                if len(waiting) >= 2 * self.workers:
                    yield from self._collect(waiting.popleft())
                waiting.append(
                    pool.submit(self.converter.convert_scene, scene, self.out)
                )
            while waiting:
                yield from self._collect(waiting.popleft())
        except BrokenProcessPool as error:
            raise RuntimeError(
                'a process of the conversion was killed, probably because '
                'memory ran out; run again with --workers 1, finished scenes '
                'are kept'
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)

    def _collect(self, future: Future[Record]) -> Iterator[Record]:
        try:
            record = future.result()
        except ValueError as error:
            self.faults.append(str(error))
            return
        self.manifest.add(record)
        yield record


def _cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _explained(error: OSError, out: Path) -> OSError:
    if error.errno not in _FULL:
        return error
    return OSError(
        error.errno,
        f'no space left while writing to {out} ({error}). Free some space and '
        'run the same command again: finished scenes are kept, no half '
        'file is left',
    )
