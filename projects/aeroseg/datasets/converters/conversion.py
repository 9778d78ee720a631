# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Run a converter over all scenes: in parallel, resumable, all or nothing."""

import errno
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aeroseg.files import lock_folder

from .converter import Converter, Record, remarks
from .manifest import Manifest
from .scene import Scene

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
        allow_damaged (bool): Take what can be decoded of damaged images;
            the report names them. Default: False.

    Raises:
        FileNotFoundError: If a part of the source is missing.
        ValueError: If the source has no known layout, two scenes would have
            tiles of one name, or the folder holds another conversion or
            files of another origin.

    Examples::

        conversion = Conversion(converter, 'data/openearthmap')
        for record in conversion.run():
            pass
        summary = conversion.finish()
    """

    def __init__(
        self,
        converter: Converter,
        out: str | Path,
        workers: int | None = None,
        allow_damaged: bool = False,
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f'workers={workers}; give 1 or more')
        self.converter = converter
        self.out = Path(out)
        self.workers = workers or _cores()
        self.allow_damaged = allow_damaged
        self.scenes = converter.scenes()
        self._check_scenes()
        self.manifest = Manifest(
            self.out,
            {'dataset': converter.dataset, **converter.settings},
            self.scenes,
            converter.files(),
            allow_damaged,
        )
        self._check_stale()
        self.faults: list[str] = []

    def _check_scenes(self) -> None:
        places: dict[str, Scene] = {}
        out = self.out.resolve()
        for scene in self.scenes:
            for place in scene.places:
                other = places.setdefault(place, scene)
                if other is not scene:
                    raise ValueError(
                        f'{other.image} and {scene.image} would get tiles of '
                        f'the same name ({place}); rename one of them, or '
                        'give every file once (unpacked or in its archive)'
                    )
            for file in (scene.image, scene.label):
                if out in Path(str(file)).resolve().parents:
                    raise ValueError(
                        f'{file} of the source lies in the output folder '
                        f'{self.out}; choose another output folder'
                    )

    def _check_stale(self) -> None:
        names = {scene.name for scene in self.scenes}
        known = self.manifest.records.keys() | self.manifest.outdated.keys()
        stale = sorted(known - names)
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
            OSError: If the disk is full, a file cannot be written or a
                process was killed.
            ValueError: If another process writes into the folder.
        """
        with lock_folder(self.out), _explained(self.out):
            if self.manifest.has_changed():
                self.manifest.load()
            scenes = self.todo
            self.manifest.start()
            if self.workers == 1 or len(scenes) < 2:
                yield from self._run_here(scenes)
            else:
                yield from self._run_parallel(scenes)

    def finish(self) -> dict[str, Any]:
        """Write the manifest.

        Returns:
            dict: The content of ``manifest.json``.

        Raises:
            ValueError: If scenes had faults, no tile was made, or the folder
                holds images that do not come from this conversion.
        """
        with lock_folder(self.out), _explained(self.out):
            return self._finish()

    def _finish(self) -> dict[str, Any]:
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
        if not any(record['tiles'] for record in records):
            raise ValueError(
                f'not one tile was made of {len(records)} scenes; the tile '
                'size (--size) or what a tile must hold does not fit them'
            )
        sentences = [*self.converter.report(records), *remarks(records)]
        return self.manifest.finish(self.converter.classes, sentences)

    def _run_here(self, scenes: list[Scene]) -> Iterator[Record]:
        for scene in scenes:
            future: Future[Record] = Future()
            try:
                done = self.converter.convert_scene(
                    scene, self.out, self.allow_damaged
                )
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
                    pool.submit(
                        self.converter.convert_scene,
                        scene,
                        self.out,
                        self.allow_damaged,
                    )
                )
            while waiting:
                yield from self._collect(waiting.popleft())
        except BrokenProcessPool as error:
            raise ChildProcessError(
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


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OSError(
            f'no space left while writing to {out} ({error}). Free some '
            'space and run the same command again: finished scenes are kept, '
            'no half file is left'
        ) from error
