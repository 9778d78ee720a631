# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Finished rows of a scene that is not complete yet."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.files import atomic_path

Piece = tuple[int, np.ndarray, np.ndarray | None]


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

    Raises:
        OSError: If the folder cannot be made or written.
    """

    def __init__(self, folder: Path, job: dict[str, Any]) -> None:
        self.folder = folder
        digest = fingerprint(job)
        mark = folder / 'job.txt'
        if not mark.is_file() or mark.read_text() != digest:
            if folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(parents=True)
            with atomic_path(mark) as part:
                part.write_text(digest)

    def save(
        self, top: int, labels: np.ndarray, scores: np.ndarray | None
    ) -> None:
        """Keep the rows from `top` on.

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

    def rows_done(self) -> int:
        """How many rows, from the top, are complete."""
        done = 0
        for top, bottom, _ in self._files():
            done = bottom if top <= done else done
        return done

    def pieces(self) -> Iterator[Piece]:
        """The kept rows from top to bottom.

        Yields:
            Piece: Number of the first row, labels (n, W), scores (S, n, W).
        """
        for top, _, path in self._files():
            with np.load(path, allow_pickle=False) as arrays:
                yield top, arrays['labels'], arrays.get('scores')

    def remove(self) -> None:
        """Delete the folder and all that is in it."""
        shutil.rmtree(self.folder)

    def _files(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in sorted(self.folder.glob('[0-9]*.npz')):
            top, bottom = (int(row) for row in path.stem.split('-'))
            found.append((top, bottom, path))
        return found
