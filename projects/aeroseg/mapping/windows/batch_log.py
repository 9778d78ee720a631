# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How many windows are predicted at a time, from which window on."""

import json
from pathlib import Path

from aeroseg.files import atomic_path


class BatchLog:
    """The batch, and where it had to be halved.

    The size of a batch may change the last digits of its scores. A run that
    resumes after a kill therefore uses, for every window, the batch that an
    uninterrupted run would have used.

    Args:
        batch (int): Windows per pass at first.
        path (Path | None): File that keeps the halvings, if any. One that
            exists is read.

    Raises:
        ValueError: If that file is damaged.
    """

    def __init__(self, batch: int, path: Path | None = None) -> None:
        self.path = path
        self._changes = [(0, batch)]
        if path is not None and path.is_file():
            self._changes = _read(path)

    def at(self, window: int) -> int:
        """Windows per pass.

        Args:
            window (int): Number of the first window of the pass.
        """
        return min(batch for first, batch in self._changes if first <= window)

    def halve(self, window: int) -> int:
        """Take half of the batch from a window on.

        Args:
            window (int): Its number.

        Returns:
            int: The new batch.

        Raises:
            OSError: If the file cannot be written.
        """
        batch = self.at(window) // 2
        self._changes.append((window, batch))
        if self.path is not None:
            with atomic_path(self.path) as part:
                part.write_text(json.dumps(self._changes))
        return batch


def _read(path: Path) -> list[tuple[int, int]]:
    try:
        changes = json.loads(path.read_text('utf-8'))
        found = [(int(first), int(batch)) for first, batch in changes]
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error})') from error
    if not found or min(batch for _, batch in found) < 1:
        raise ValueError(f'{path} is damaged: {found}')
    return found
