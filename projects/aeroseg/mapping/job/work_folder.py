# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Finished rows of a scene that is not complete yet."""

import hashlib
import json
import logging
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aeroseg.files import atomic_path, lock_folder

logger = logging.getLogger(__name__)

Piece = tuple[int, np.ndarray, np.ndarray | None]


class Rows(NamedTuple):
    """Rows of a scene, from `top` to before `bottom`."""

    top: int
    bottom: int


_MARK = 'job.txt'
_BATCHES = 'batches.json'
_SHARES = 'share-*-of-*'  # folders that runs hold while they share a job
# All that is ever written into the folder; anything else is the user's.
_PIECES = f'{"[0-9]" * 9}-{"[0-9]" * 9}.npz'
_OWN = (_PIECES, _MARK, _BATCHES, '.*.part*', 'labels.tif*', 'scores.tif*')


def overlaps(blocks: Iterable[Rows], gaps: Sequence[Rows]) -> list[Rows]:
    """The parts of blocks that lie in gaps, from top to bottom.

    Args:
        blocks (Iterable[Rows]): From top to bottom.
        gaps (Sequence[Rows]): Rows that are not kept.
    """
    found = []
    for block in blocks:
        for gap in gaps:
            top = max(block.top, gap.top)
            bottom = min(block.bottom, gap.bottom)
            if top < bottom:
                found.append(Rows(top, bottom))
    return found


def fingerprint(job: dict[str, Any]) -> str:
    """A hash of everything that determines the result."""
    text = json.dumps(job, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class WorkFolder:
    """Keeps finished rows, so that a killed run can resume.

    Every piece is a separate file that appears under its name only when it
    is complete. Pieces of another job (other words, other weights, another
    file) are deleted.

    Args:
        folder (Path): Hidden folder inside the output folder.
        job (dict): Everything that determines the result.
        shared (bool): Whether other processes write into it at the same
            time; nothing of theirs is removed then, and there is no folder
            for results.

    Attributes:
        job (dict): The same.
        results (Path): Folder for results until all are complete.
        batches (Path): File for the batches of the windows.

    Raises:
        OSError: If the folder cannot be made or written.
    """

    def __init__(
        self, folder: Path, job: dict[str, Any], shared: bool = False
    ) -> None:
        self.folder = folder
        self.job = job
        self.results = folder / 'results'
        self.batches = folder / _BATCHES
        if not self.belongs_to(folder, job):
            refuse_shares(folder)  # of another job
            self.remove()
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(folder / _MARK) as part:
                part.write_text(fingerprint(job))
        if shared:
            return
        for path in folder.glob('.*.part*'):
            path.unlink()
        self._remove_results()
        self.results.mkdir()

    @staticmethod
    def belongs_to(folder: Path, job: dict[str, Any]) -> bool:
        """Whether a folder holds the work of this job.

        Args:
            folder (Path): It may be missing.
            job (dict): Everything that determines the result.
        """
        mark = folder / _MARK
        digest = fingerprint(job).encode()
        return mark.is_file() and mark.read_bytes() == digest

    def save(
        self, top: int, labels: np.ndarray, scores: np.ndarray | None
    ) -> None:
        """Keep the rows from `top` on.

        Several processes may do so at the same time.

        Args:
            top (int): Number of the first row.
            labels (np.ndarray): (n, W) ids.
            scores (np.ndarray | None): (S, n, W), if they are wanted.
        """
        arrays = {'labels': labels}
        if scores is not None:
            arrays['scores'] = scores
        name = f'{top:09d}-{top + len(labels):09d}.npz'
        with atomic_path(self.folder / name) as part:
            np.savez(part, **arrays)  # type: ignore[arg-type]

    def missing(self, height: int, check: bool = True) -> list[Rows]:
        """The rows that are not kept, from top to bottom.

        A piece that cannot be read, or holds rows of the one above, is
        deleted.

        Args:
            height (int): Rows of the scene.
            check (bool): Whether pieces are read to see if they are whole.

        Returns:
            list[Rows]: Ranges that do not touch.
        """
        done, gaps = 0, []
        for top, bottom, path in self._files():
            broken = check and not _is_whole(path, bottom - top)
            if top < done or broken:
                logger.warning('%s cannot be used; predicting again', path)
                path.unlink()
                continue
            if top > done:
                gaps.append(Rows(done, top))
            done = bottom
        if done < height:
            gaps.append(Rows(done, height))
        return gaps

    @property
    def is_empty(self) -> bool:
        """Whether no rows are kept."""
        return not self._files()

    def drop_rows(self) -> None:
        """Start from the top again."""
        for _, _, path in self._files():
            path.unlink()
        self.batches.unlink(missing_ok=True)

    def pieces(self) -> Iterator[Piece]:
        """The kept rows from top to bottom.

        Yields:
            Piece: Number of the first row, labels (n, W), scores (S, n, W).
        """
        for top, _, path in self._files():
            with np.load(path, allow_pickle=False) as arrays:
                yield top, arrays['labels'], arrays.get('scores')

    def remove(self) -> None:
        """Delete all that was written here, and the folder if it is empty."""
        self._remove_results()
        for share in self.folder.glob(_SHARES):
            with suppress(OSError):  # the user keeps files there
                share.rmdir()
        for pattern in _OWN:
            for path in self.folder.glob(pattern):
                path.unlink()
        with suppress(OSError):  # missing, or the user keeps files there
            self.folder.rmdir()

    @contextmanager
    def hold_share(self, index: int, shares: int) -> Iterator[None]:
        """Hold one of the shares of this job.

        Raises:
            ValueError: If another run holds it.
        """
        with lock_folder(self.folder / f'share-{index}-of-{shares}'):
            yield

    def _remove_results(self) -> None:
        if self.results.is_dir() and not self.results.is_symlink():
            for path in self.results.iterdir():
                path.unlink()
            self.results.rmdir()

    def _files(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in sorted(self.folder.glob(_PIECES)):
            top, bottom = (int(row) for row in path.stem.split('-'))
            found.append((top, bottom, path))
        return found


def _is_whole(path: Path, rows: int) -> bool:
    """Whether a piece can be read; its archive holds a checksum."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            shapes = {key: arrays[key].shape for key in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return False
    return shapes.get('labels', ())[:1] == (rows,)


def refuse_shares(folder: Path) -> None:
    """Make sure that no other run works on a share of a job.

    Args:
        folder (Path): The work folder; it may be missing.

    Raises:
        ValueError: If one does; it names the process.
    """
    for share in folder.glob(_SHARES):
        with lock_folder(share):
            pass
