# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Results that lie in an object store as well, copied there by GDAL."""

import ctypes
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from aeroseg.files import atomic_path
from aeroseg.mapping.reading.remote_scene import (
    RemoteScene,
    UnreachableError,
    gdal_library,
    headers_of,
    is_remote,
)

from .output_folder import REPORT, ForeignFileError, read_report
from .own_files import OwnFiles

logger = logging.getLogger(__name__)

_STORES = ('s3://', 'gs://', 'az://')
_WHOLE = 2**64 - 1  # size of a source that GDAL is to find out


def is_store(text: str | None) -> bool:
    """Whether there is a text, and it is the address of an object store."""
    return (text or '').lower().startswith(_STORES)


def local_folder(out: str) -> Path:
    """The folder of this machine that a run writes to.

    Args:
        out (str): A folder; or an address such as 's3://bucket/prefix',
            whose copy here is 'outputs/bucket/prefix'.

    Raises:
        ValueError: If it is another address.
    """
    if is_store(out):
        parts = PurePosixPath(out.partition('://')[2]).parts
        if not parts or '..' in parts:
            raise ValueError(f'--out {out} names no bucket and prefix')
        return Path('outputs', *parts)
    if is_remote(out):
        raise ValueError(
            f'--out {out}: results are written to a folder, or to an object '
            'store: s3://, gs:// or az://'
        )
    return Path(out)


def stored_folder(root: Path, address: str, folder: Path) -> 'StoredFolder':
    """A folder below `root`, and its copy below an address.

    Args:
        root (Path): What :func:`local_folder` made of the address.
        address (str): Such as 's3://bucket/prefix'.
        folder (Path): `root` itself, or below it.
    """
    below = folder.relative_to(root).as_posix()
    place = address.rstrip('/')
    return StoredFolder(folder, place if below == '.' else f'{place}/{below}')


class StoredFolder:
    """A folder of results, and its copy in an object store.

    The local folder is where a run works. What is complete there is copied,
    `report.json` last, so that a copy with a report is complete. GDAL has the
    credentials, by its own variables.

    Args:
        folder (Path): The local folder.
        address (str): Such as 's3://bucket/prefix'.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address.rstrip('/')

    def fetch(self) -> None:
        """Bring complete results here, unless some are here already.

        A run then finds them as if it had made them here.

        Raises:
            UnreachableError: If they are there and cannot be read.
        """
        if (self.folder / REPORT).exists():
            return
        report = self._report()
        if report is None:
            return
        records = report['records']
        own = OwnFiles(self.folder, records)
        if any(map(own.is_foreign, records)):
            return  # which the run will refuse
        logger.info('fetching the results from %s', self.address)
        missing = [name for name in records if not own.holds(name)]
        for name in (*missing, REPORT):
            with atomic_path(self.folder / name) as part:
                self._copy(self._at(name).vsi, str(part), name)

    def push(self) -> None:
        """Copy complete results to the store.

        Raises:
            ForeignFileError: If a file that no run has written has the name
                of a result there.
            UnreachableError: If they cannot be written; they are kept here.
        """
        own, there = read_report(self.folder / REPORT), self._report()
        assert own is not None  # a run has just completed it
        if there == own:
            logger.info('%s is already complete', self.address)
            return
        names = list(own['records'])
        if there is None:
            self._refuse_foreign(names)
        else:
            self._remove(REPORT)  # until all files are new
        for name in (*names, REPORT):
            self._copy(str(self.folder / name), self._at(name).vsi, name)
        logger.info('copied to %s', self.address)

    def _at(self, name: str) -> RemoteScene:
        return RemoteScene(f'{self.address}/{name}')

    def _report(self) -> dict[str, Any] | None:
        """The report in the store; None if there is none."""
        if not self._exists(REPORT):
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / REPORT
            self._copy(self._at(REPORT).vsi, str(path), REPORT)
            return read_report(path)

    def _exists(self, name: str) -> bool:
        with self._asking(name) as place:
            return bool(headers_of(place.vsi))

    def _refuse_foreign(self, names: list[str]) -> None:
        foreign = [n for n in (*names, REPORT) if self._exists(n)]
        if foreign:
            raise ForeignFileError(
                f'{self.address} holds {", ".join(foreign)}, and no report '
                'says that this tool wrote it. It is never replaced: move or '
                'delete it, or choose another prefix. The results are kept in '
                f'{self.folder}'
            )

    def _remove(self, name: str) -> None:
        remove = gdal_library().VSIUnlink
        remove.argtypes = [ctypes.c_char_p]
        with self._asking(name) as place:
            remove(place.vsi.encode())

    def _copy(self, source: str, target: str, name: str) -> None:
        copy = gdal_library().VSICopyFile
        copy.restype = ctypes.c_int
        copy.argtypes = [
            *(ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p),
            *(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p),
            ctypes.c_void_p,
        ]
        with self._asking(name):
            names = source.encode(), target.encode()
            if copy(*names, None, _WHOLE, None, None, None) != 0:
                raise UnreachableError(
                    f'{self.address}/{name} cannot be copied from or to '
                    f'{self.folder}. Check the bucket, the network and the '
                    'credentials (AWS_ACCESS_KEY_ID, GS_ACCESS_KEY_ID, ... as '
                    'GDAL reads them), then run again: what is complete is '
                    'kept'
                )

    @contextmanager
    def _asking(self, name: str) -> Iterator[RemoteScene]:
        """Ask the store, and not what GDAL remembers of it."""
        place = self._at(name)
        place.forget()
        with place.settings():
            yield place
        place.forget()
