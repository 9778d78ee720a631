# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The folder of a scene's results: complete, or marked as unfinished."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aeroseg.errors import reason
from aeroseg.files import atomic_path

from .memory import readable
from .work_folder import WorkFolder, fingerprint

REPORT = 'report.json'
_WORK = '.aeroseg'


class OutputFolder:
    """Results of one job in one folder.

    `report.json` is written last: with it the results are complete; without
    it the next run for the same job resumes.

    Args:
        path (Path): The folder; made if missing.
        job (dict): Everything that determines the result.
        overwrite (bool): Replace complete results, of this job or another.

    Attributes:
        report (dict | None): The report, if the job is complete and its
            results are kept.

    Raises:
        ValueError: If the folder cannot be written, or holds the results of
            another job and `overwrite` is off.
    """

    def __init__(
        self, path: Path, job: dict[str, Any], overwrite: bool = False
    ) -> None:
        self.path = path
        self.job = job
        self._existed = path.exists()
        old = self._read_report()
        self.report: dict[str, Any] | None = None
        if old is None:
            return
        same = old['job'] == fingerprint(job)
        if same and not overwrite and self._files_exist(old):
            self.report = old
            return
        if not same and not overwrite:
            raise ValueError(
                f'{path} holds the results of another run (other words, '
                'settings, weights or scene); choose another folder, or '
                'overwrite=True (--overwrite) to replace them'
            )
        (path / REPORT).unlink()
        for name in old['files'].values():
            (path / name).unlink(missing_ok=True)

    @contextmanager
    def guard(self, needed: int) -> Iterator[WorkFolder]:
        """Make the work folder; explain errors of the disk.

        The work folder is kept if the run is killed or the disk is full, and
        removed if the scene or the settings are wrong.

        Args:
            needed (int): Bytes that the run will write.

        Yields:
            WorkFolder: For the finished rows.
        """
        work = None
        try:
            work = WorkFolder(self.path / _WORK, self.job)
            self._check_space(needed)
            self._remove_parts()
            yield work
        except OSError as error:
            raise ValueError(
                f'cannot write to {self.path}: {reason(error)}. Give a '
                f'folder that can be written and has {readable(needed)} of '
                'free space, then run again'
            ) from error
        except (ValueError, MemoryError):
            if work is not None:
                work.remove()
                self._remove_if_empty()
            raise
        work.remove()

    def complete(self, report: dict[str, Any]) -> None:
        """Write the report, which makes the results complete."""
        report = report | {'job': fingerprint(self.job), 'settings': self.job}
        with atomic_path(self.path / REPORT) as part:
            part.write_text(json.dumps(report, indent=2, default=str), 'utf-8')

    def _read_report(self) -> dict[str, Any] | None:
        """The report; None if there is none, or one that is damaged."""
        try:
            report = json.loads((self.path / REPORT).read_text('utf-8'))
        except (OSError, ValueError):
            return None
        known = isinstance(report, dict) and {'job', 'files'} <= report.keys()
        return report if known else None

    def _files_exist(self, report: dict[str, Any]) -> bool:
        names = report['files'].values()
        return all((self.path / name).is_file() for name in names)

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.path).free
        if free < needed:
            self._remove_if_empty()
            raise ValueError(
                f'{self.path} has {readable(free)} of free space, and the '
                f'run needs about {readable(needed)}'
            )

    def _remove_parts(self) -> None:
        """Remove half-written files of a killed run."""
        for path in self.path.glob('.*.part.*'):
            path.unlink()

    def _remove_if_empty(self) -> None:
        if not self._existed and not any(self.path.iterdir()):
            self.path.rmdir()
