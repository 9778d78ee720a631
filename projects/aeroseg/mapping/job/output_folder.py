# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The folder of a scene's results: complete, or marked as unfinished."""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from aeroseg.errors import reason
from aeroseg.files import atomic_path, lock_folder, require_utf8
from aeroseg.mapping.reading.remote_scene import UnreachableError
from aeroseg.mapping.windows.score_model import NonFiniteScoresError

from .memory import readable
from .own_files import OwnFiles, Records, record
from .work_folder import WorkFolder, fingerprint, refuse_shares

REPORT = 'report.json'
_WORK = '.aeroseg'


class UnfinishedError(ValueError):
    """Some rows are missing; the others are kept."""


class ForeignFileError(ValueError):
    """A file that this tool did not write has the name of a result."""


# What is finished is right, and kept.
_KEPT = (
    ForeignFileError,
    NonFiniteScoresError,
    UnfinishedError,
    UnreachableError,
)


@contextmanager
def claim_folder(path: Path) -> Iterator[None]:
    """Hold an output folder for this run.

    Args:
        path (Path): The folder; made if missing. What was made is removed
            again if nothing is left in it.

    Raises:
        ValueError: If another run holds it, or it cannot be written.
    """
    require_utf8(path)
    made: list[Path] = []
    try:
        with ExitStack() as stack:
            try:
                if _exists(path) and not path.is_dir():
                    raise NotADirectoryError(0, 'it is not a folder')
                made += [p for p in (path, *path.parents) if not p.exists()]
                stack.enter_context(lock_folder(path))
            except OSError as error:
                raise ValueError(
                    f'cannot write to {path}: {reason(error)}. Give a folder '
                    'that can be written'
                ) from error
            yield
    finally:
        for folder in made:
            with suppress(OSError):  # something is in it
                folder.rmdir()


class OutputFolder:
    """Results of one job in one folder.

    Results are written in the work folder. Once all of them are complete,
    they take the place of older ones; `report.json` comes last. It holds
    size and hash of every result: a file that differs, or is not listed, is
    the user's and never replaced or removed.

    Args:
        path (Path): The folder.
        job (dict): Everything that determines the result.
        names (Sequence[str]): Files that the job will write.
        overwrite (bool): Replace complete results, of this job or another.

    Attributes:
        report (dict | None): The report, if the job is complete and its
            results are kept.

    Raises:
        ForeignFileError: If a file of the user has the name of a result.
        ValueError: If the folder holds the results of another job and
            `overwrite` is off.
    """

    def __init__(
        self,
        path: Path,
        job: dict[str, Any],
        names: Sequence[str],
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self.job = job
        self.report: dict[str, Any] | None = None
        old = read_report(path / REPORT)
        records: Records = old['records'] if old else {}
        self._own = OwnFiles(path, records)
        if old is None:
            self._remove_half()
        self._refuse_foreign(names)
        if old is None:
            return
        same = old['job'] == fingerprint(job)
        if not same and not overwrite:
            raise ValueError(
                f'{path} holds the results of another run (other words, '
                'settings, weights or scene); choose another folder, or '
                'overwrite=True (--overwrite) to replace them'
            )
        if not overwrite and all(map(self._own.holds, records)):
            self.report = old
            if WorkFolder.belongs_to(path / _WORK, job):
                # Of a run that was killed after its report.
                WorkFolder(path / _WORK, job).remove()

    @contextmanager
    def guard(self, needed: int, shared: bool = False) -> Iterator[WorkFolder]:
        """Make the work folder; explain errors of the disk.

        The work folder is kept if the run is stopped or the disk is full,
        and removed if the scene or the settings are wrong.

        Args:
            needed (int): Bytes that the run will write.
            shared (bool): Whether other runs work on the same job at the
                same time. The folder is kept then, whatever happens.

        Yields:
            WorkFolder: For the finished rows and the results.
        """
        work = None
        try:
            work = self._work(shared)
            self._check_space(needed)
            yield work
        except OSError as error:
            raise ValueError(
                f'cannot write to {self.path}: {reason(error)}'
                f'{_place(error)}. Give a '
                f'folder that can be written and has {readable(needed)} of '
                'free space, then run again'
            ) from error
        except _KEPT:
            raise
        except ValueError:
            if work is not None and not shared:
                work.remove()
            raise
        except MemoryError:
            if work is not None and work.is_empty and not shared:
                work.remove()
            raise
        if not shared:
            work.remove()

    def _work(self, shared: bool) -> WorkFolder:
        if not shared:
            refuse_shares(self.path / _WORK)
        return WorkFolder(self.path / _WORK, self.job, shared)

    def complete(self, work: WorkFolder, report: dict[str, Any]) -> None:
        """Put the results in their places, and the report last.

        Args:
            work (WorkFolder): Holds the results.
            report (dict): 'files' names them by kind.

        Raises:
            ForeignFileError: If a file of the user has come in the meantime.
            OSError: If the folder cannot be written.
        """
        names = list(report['files'].values())
        records = {name: record(work.results / name) for name in names}
        report = report | {
            'job': fingerprint(self.job),
            'settings': self.job,
            'records': records,
        }
        # As it will be read again, so that its hash is the same.
        report = json.loads(json.dumps(report, default=str))
        report['digest'] = fingerprint(report)
        with atomic_path(work.results / REPORT) as part:
            part.write_text(json.dumps(report, indent=2), 'utf-8')
        self._refuse_foreign(names)
        for name in filter(self._own.holds, self._own.records):
            (self.path / name).unlink()
        (self.path / REPORT).unlink(missing_ok=True)
        for name in (*names, REPORT):
            (work.results / name).replace(self.path / name)

    def _remove_half(self) -> None:
        """Remove results of a run that was killed while it placed them."""
        staged = read_report(self.path / _WORK / 'results' / REPORT)
        if staged is not None:
            own = OwnFiles(self.path, staged['records'])
            for name in filter(own.holds, own.records):
                (self.path / name).unlink()

    def _refuse_foreign(self, names: Iterable[str]) -> None:
        foreign = [n for n in names if self._own.is_foreign(n)]
        report = self.path / REPORT
        if read_report(report) is None and _exists(report):
            foreign.append(REPORT)
        if foreign:
            raise ForeignFileError(
                f'{self.path} holds {", ".join(foreign)}, which this tool '
                'did not write, or which was changed or damaged since. It is '
                'never replaced: move or delete it, or choose another folder'
            )

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise ValueError(
                f'{self.path} has {readable(free)} of free space, and the '
                f'run needs about {readable(needed)}'
            )


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _place(error: OSError) -> str:
    return f' ({error.filename})' if error.filename else ''


def read_report(path: Path) -> dict[str, Any] | None:
    """A report as this tool wrote it, without its digest.

    Args:
        path (Path): The file.

    Returns:
        dict | None: None if there is none, or it was changed.
    """
    try:
        report = json.loads(path.read_text('utf-8'))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(report, dict) or path.is_symlink():
        return None
    digest = report.pop('digest', None)
    return report if digest == fingerprint(report) else None
