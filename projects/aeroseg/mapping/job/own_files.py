# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Which files of a folder a run may replace: those it wrote itself."""

import hashlib
from pathlib import Path
from typing import Any, TypeAlias

Records: TypeAlias = dict[str, dict[str, Any]]  # size and hash by name


def record(path: Path) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file.

    Args:
        path (Path): The file.
    """
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(2**22):
            digest.update(block)
    return {'size': path.stat().st_size, 'sha256': digest.hexdigest()}


class OwnFiles:
    """Files with the content that was recorded when they were written.

    Args:
        folder (Path): Where they are.
        records (Records): What was recorded.
    """

    def __init__(self, folder: Path, records: Records) -> None:
        self.folder = folder
        self.records = records

    def holds(self, name: str) -> bool:
        """Whether a file exists and is as it was recorded.

        Args:
            name (str): A name without folders; anything else is not ours.
        """
        path = self.folder / name
        if Path(name).name != name or path.is_symlink() or not path.is_file():
            return False
        known = self.records.get(name)
        if known is None or known['size'] != path.stat().st_size:
            return False  # without reading it
        return known == record(path)

    def is_foreign(self, name: str) -> bool:
        """Whether the name is taken by something else.

        Args:
            name (str): A name without folders.
        """
        path = self.folder / name
        return (path.is_symlink() or path.exists()) and not self.holds(name)
