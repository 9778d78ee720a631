# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Files of a download, whether unpacked or still in their archives."""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.ReadError,
    EOFError,
    zlib.error,
    NotImplementedError,
)
_FIX = 'compare its size with the download page and download it again'
_UNPACK = ('.gz', '.tgz', '.bz2', '.xz', '.rar', '.7z')


@dataclass(frozen=True, order=True)
class SourceFile:
    """A file in a folder or in an archive.

    Attributes:
        member (str): Path inside the folder or archive, with '/'.
        container (str): The folder or archive.
        size (int): Unpacked size in bytes.
    """

    member: str
    container: str
    size: int

    @property
    def path(self) -> PurePosixPath:
        """The member as a path."""
        return PurePosixPath(self.member)

    @property
    def label(self) -> str:
        """Name for manifests, without folders of this machine."""
        if Path(self.container).is_dir():
            return self.member
        return f'{Path(self.container).name}!{self.member}'

    def __str__(self) -> str:
        if Path(self.container).is_dir():
            return str(Path(self.container) / self.member)
        return f'{self.container}!{self.member}'

    def read(self) -> bytes:
        """The content of the file.

        Raises:
            FileNotFoundError: If the file no longer exists.
            ValueError: If the archive is damaged there.
        """
        if Path(self.container).is_dir():
            return (Path(self.container) / self.member).read_bytes()
        archive = _archive(self.container, os.getpid())
        try:
            if isinstance(archive, zipfile.ZipFile):
                return archive.read(self.member)
            stream = archive.extractfile(self.member)
            content = stream.read() if stream is not None else b''
        except _DAMAGE as error:
            raise ValueError(f'{self} is damaged: {error}; {_FIX}') from error
        if len(content) != self.size:
            raise ValueError(f'{self} is truncated; {_FIX}')
        return content


def list_files(
    paths: Sequence[str | Path], suffixes: Iterable[str]
) -> list[SourceFile]:
    """Every wanted file below the given folders and archives.

    Archives inside a folder are read as well.

    Args:
        paths (Sequence[str | Path]): Folders, .zip and .tar files.
        suffixes (Iterable[str]): Endings wanted, in lower case ('.png').

    Returns:
        list[SourceFile]: Sorted by the path inside. Hidden files and the
        resource forks that macOS adds are left out.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If an archive is damaged or of an unknown kind.
    """
    wanted = tuple(suffixes)
    found: list[SourceFile] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += _in_folder(path, wanted)
        elif path.is_file():
            found += _in_archive(path, wanted)
        else:
            raise FileNotFoundError(
                f'no folder or archive {path}; docs/datasets.md says where '
                'to get the data'
            )
    return sorted(found)


def _in_folder(folder: Path, wanted: tuple[str, ...]) -> list[SourceFile]:
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith('.'))
        for name in names:
            path = Path(root) / name
            if _is_wanted(name, wanted):
                member = path.relative_to(folder).as_posix()
                size = path.stat().st_size
                found.append(SourceFile(member, str(folder), size))
            elif path.suffix.lower() in ('.zip', '.tar'):
                found += _in_archive(path, wanted)
    return found


def _in_archive(path: Path, wanted: tuple[str, ...]) -> list[SourceFile]:
    if path.suffix.lower() in _UNPACK:
        raise ValueError(
            f'{path} is an archive that cannot be read in place; unpack it '
            'and give the folder'
        )
    archive = _archive(str(path), os.getpid())
    if isinstance(archive, zipfile.ZipFile):
        sizes = {i.filename: i.file_size for i in archive.infolist()}
    else:
        sizes = {i.name: i.size for i in archive.getmembers() if i.isfile()}
    return [
        SourceFile(member, str(path), size)
        for member, size in sizes.items()
        if _is_wanted(member, wanted) and '__MACOSX' not in member
    ]


def _is_wanted(member: str, wanted: tuple[str, ...]) -> bool:
    name = PurePosixPath(member).name
    return not name.startswith('.') and name.lower().endswith(wanted)


@lru_cache(maxsize=16)
def _archive(path: str, process: int) -> zipfile.ZipFile | tarfile.TarFile:
    """An open archive; every process has its own, for its own position."""
    del process
    try:
        if zipfile.is_zipfile(path):
            return zipfile.ZipFile(path)
        archive = tarfile.open(path, 'r:')  # noqa: SIM115
        archive.getmembers()
    except _DAMAGE as error:
        raise ValueError(
            f'archive {path} is truncated or damaged ({error}); {_FIX}'
        ) from error
    return archive
