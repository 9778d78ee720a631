# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""mmengine writes checkpoints and logs under a temporary name first."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from aeroseg.files import atomic_path


class AtomicLocalBackend(LocalBackend):
    """Local files that are either complete or not there.

    mmengine's own backend writes under the final name, so a full disk leaves
    a checkpoint that is cut off. Registered under its name, 'local'.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; see ``LocalBackend``."""
        with atomic_path(filepath) as part:
            part.write_bytes(obj)

    def put_text(
        self, obj: str, filepath: str | Path, encoding: str = 'utf-8'
    ) -> None:
        """Write text; see ``LocalBackend``."""
        with atomic_path(filepath) as part:
            part.write_text(obj, encoding=encoding)


register_backend('local', AtomicLocalBackend, force=True, prefixes='')
