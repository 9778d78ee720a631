# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Results that lie in an object store as well, copied there by GDAL."""

import ctypes
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from aeroseg.files import atomic_path
from aeroseg.mapping.reading.remote_scene import (
    RemoteScene,
    UnreachableError,
    gdal_library,
    headers_of,
    is_remote,
    size_of,
)

from .output_folder import REPORT, ForeignFileError, read_report
from .own_files import OwnFiles
from .work_folder import fingerprint

logger = logging.getLogger(__name__)

Sizes: TypeAlias = dict[str, list[int]]  # that files of ours may have

_STORES = ('s3://', 'gs://', 'az://')
_MARK = '.aeroseg-upload.json'  # in the store while files are copied
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


def _add_sizes(sizes: Sizes, report: dict[str, Any] | None) -> None:
    """Add the files that a report lists."""
    for name, known in (report or {}).get('records', {}).items():
        found = sizes.setdefault(name, [])
        if known['size'] not in found:
            found.append(known['size'])


class StoredFolder:
    """A folder of results, and its copy in an object store.

    The local folder is where a run works. What is complete there is copied,
    `report.json` last, so that a copy with a report is complete. While files
    are copied, a mark says which ones: a run that follows one that was killed
    knows that they are no files of others. GDAL has the credentials, by its
    own variables.

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
            self._remove(_MARK)  # of a run that was killed at its end
            logger.info('%s is already complete', self.address)
            return
        names = list(own['records'])
        sizes = self._begun()
        _add_sizes(sizes, there)
        self._refuse_foreign(names, sizes, there is None)
        _add_sizes(sizes, own)
        self._mark(sizes)
        self._remove(REPORT)  # until all files are new
        for name in names:
            self._copy(str(self.folder / name), self._at(name).vsi, name)
        for name in set(sizes).difference(names):
            if self._size(name) in sizes[name]:
                self._remove(name)  # of another run
        self._copy(str(self.folder / REPORT), self._at(REPORT).vsi, REPORT)
        self._remove(_MARK)
        logger.info('copied to %s', self.address)

    def _at(self, name: str) -> RemoteScene:
        return RemoteScene(f'{self.address}/{name}')

    def _report(self) -> dict[str, Any] | None:
        """The report in the store; None if there is none."""
        return self._record(REPORT)

    def _record(self, name: str) -> dict[str, Any] | None:
        """A file with a digest; None if there is none, or it was changed."""
        if self._size(name) is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            self._copy(self._at(name).vsi, str(path), name)
            return read_report(path)

    def _begun(self) -> Sizes:
        """What a run that was killed while it copied has written."""
        mark = self._record(_MARK)
        return {} if mark is None else mark['sizes']

    def _mark(self, sizes: Sizes) -> None:
        """Say what is about to be written, in case this run is killed."""
        mark: dict[str, Any] = {'sizes': sizes}
        mark['digest'] = fingerprint(mark)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / _MARK
            path.write_text(json.dumps(mark), 'utf-8')
            self._copy(str(path), self._at(_MARK).vsi, _MARK)

    def _size(self, name: str) -> int | None:
        """Bytes of a file in the store; None if there is none."""
        with self._asking(name) as place:
            told = headers_of(place.vsi)
        return int(size_of(told) or 0) if told else None

    def _refuse_foreign(
        self, names: Sequence[str], sizes: Sizes, no_report: bool
    ) -> None:
        found = {name: self._size(name) for name in names}
        foreign = [
            name
            for name, size in found.items()
            if size is not None and size not in sizes.get(name, ())
        ]
        if no_report and self._size(REPORT) is not None:
            foreign.append(REPORT)
        if foreign:
            raise ForeignFileError(
                f'{self.address} holds {", ".join(foreign)}, and no report '
                'says that this tool wrote it. It is never replaced: move or '
                'delete it, or choose another prefix. The results are kept in '
                f'{self.folder}'
            )

    def _remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        remove = gdal_library().VSIUnlink
        remove.argtypes = [ctypes.c_char_p]
        with self._asking(name) as place:
            failed = remove(place.vsi.encode()) != 0
        if failed and self._size(name) is not None:
            raise UnreachableError(
                f'{self.address}/{name} cannot be removed. Check that the '
                'credentials allow it, then run again: the results are kept '
                f'in {self.folder}'
            )

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
