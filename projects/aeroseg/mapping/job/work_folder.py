# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Finished blocks of a scene that is not complete yet."""

import hashlib
import json
import logging
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.files import atomic_path, lock_folder
from aeroseg.mapping.block import Block

logger = logging.getLogger(__name__)

Piece = tuple[Block, np.ndarray, np.ndarray | None]


_MARK = 'job.txt'
_BATCHES = 'batches.json'
_SHARES = 'share-*-of-*'  # folders that runs hold while they share a job
# All that is ever written into the folder; anything else is the user's.
_PIECES = '-'.join(['[0-9]' * 9] * 4) + '.npz'
_OWN = (_PIECES, _MARK, _BATCHES, '.*.part*', 'labels.tif*', 'scores.tif*')


def fingerprint(job: dict[str, Any]) -> str:
    """A hash of everything that determines the result."""
    text = json.dumps(job, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class WorkFolder:
    """Keeps finished blocks, so that a killed run can resume.

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
        self,
        left: int,
        top: int,
        labels: np.ndarray,
        scores: np.ndarray | None,
    ) -> None:
        """Keep a block.

        Several processes may do so at the same time.

        Args:
            left (int): Its first column.
            top (int): Its first row.
            labels (np.ndarray): (h, w) ids.
            scores (np.ndarray | None): (S, h, w), if they are wanted.
        """
        arrays = {'labels': labels}
        if scores is not None:
            arrays['scores'] = scores
        height, width = labels.shape
        block = Block(left, left + width, top, top + height)
        name = '-'.join(f'{number:09d}' for number in block) + '.npz'
        with atomic_path(self.folder / name) as part:
            np.savez(part, **arrays)  # type: ignore[arg-type]

    def missing(
        self, lanes: Iterable[Block], check: bool = True
    ) -> list[Block]:
        """What is not kept.

        A piece that cannot be read, that holds rows of the one above, or
        that is of no lane, is deleted.

        Args:
            lanes (Iterable[Block]): The lanes of the scene, whole.
            check (bool): Whether pieces are read to see if they are whole.

        Returns:
            list[Block]: Sorted; they do not touch.
        """
        gaps = []
        files: dict[tuple[int, ...], list[tuple[Block, Path]]] = {}
        for block, path in self._files():
            files.setdefault(block[:2], []).append((block, path))
        for lane in sorted(lanes):
            done = 0
            for block, path in files.pop(lane[:2], []):
                if block.top < done or (check and not _is_whole(path, block)):
                    _drop(path)
                    continue
                if block.top > done:
                    gaps.append(lane._replace(top=done, bottom=block.top))
                done = block.bottom
            if done < lane.bottom:
                gaps.append(lane._replace(top=done))
        for _, path in chain.from_iterable(files.values()):
            _drop(path)
        return gaps

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept."""
        return not self._files()

    def drop_rows(self) -> None:
        """Start from the top again."""
        for _, path in self._files():
            path.unlink()
        self.batches.unlink(missing_ok=True)

    def pieces(self) -> Iterator[Piece]:
        """What is kept, lane by lane and from top to bottom.

        Yields:
            Piece: The block, labels (h, w) and scores (S, h, w).
        """
        for block, path in self._files():
            with np.load(path, allow_pickle=False) as arrays:
                yield block, arrays['labels'], arrays.get('scores')

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

    def _files(self) -> list[tuple[Block, Path]]:
        paths = sorted(self.folder.glob(_PIECES))
        return [(Block(*map(int, p.stem.split('-'))), p) for p in paths]


def _drop(path: Path) -> None:
    logger.warning('%s cannot be used; predicting again', path)
    path.unlink()


def _is_whole(path: Path, block: Block) -> bool:
    """Whether a piece can be read; its archive holds a checksum."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            shapes = {key: arrays[key].shape for key in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return False
    size = (block.bottom - block.top, block.right - block.left)
    return shapes.get('labels') == size


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
