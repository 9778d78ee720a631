# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Files of a download, whether unpacked or still in their archives."""

import os
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NoReturn, TypeVar

from aeroseg.errors import reason

Key = TypeVar('Key', bound=Hashable)

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.ReadError,
    EOFError,
    zlib.error,
    NotImplementedError,
    OSError,
    RuntimeError,  # an encrypted zip
)
_FIX = 'compare its size with the download page and download it again'
_UNPACK = ('.gz', '.tgz', '.bz2', '.xz', '.rar', '.7z')
_PACKED = ('.tgz', '.tar.gz', '.tar.bz2', '.tar.xz', '.rar', '.7z')


@dataclass(frozen=True, order=True)
class SourceFile:
    """A file in a folder or in an archive.

    Attributes:
        member (str): Path inside the folder or archive, with '/'.
        container (str): The folder or archive.
        size (int): Unpacked size in bytes.
        time (int): When it (or its archive) was changed, ns since 1970.
    """

    member: str
    container: str
    size: int
    time: int

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
            ValueError: If the file cannot be read, or its archive is damaged
                there.
        """
        if Path(self.container).is_dir():
            try:
                return (Path(self.container) / self.member).read_bytes()
            except OSError as error:
                raise ValueError(
                    f'{self} cannot be read: {reason(error)}'
                ) from error
        archive = _archive(self.container, os.getpid())
        try:
            if isinstance(archive, zipfile.ZipFile):
                return archive.read(self.member)
            stream = archive.extractfile(self.member)
            content = stream.read() if stream is not None else b''
        except _DAMAGE as error:
            raise ValueError(
                f'{self} is damaged or encrypted: {reason(error)}; {_FIX}'
            ) from error
        if len(content) != self.size:
            raise ValueError(f'{self} is truncated; {_FIX}')
        return content


def put_once(group: dict[Key, SourceFile], key: Key, file: SourceFile) -> None:
    """Add a file to a group, where no other may have its key.

    Args:
        group (dict): Files by key.
        key (Key): What the file is, such as its path without ending.
        file (SourceFile): The file.

    Raises:
        ValueError: If the group has another file of that key.
    """
    if key in group:
        name = '/'.join(key) if isinstance(key, tuple) else key
        raise ValueError(
            f'{name} was found twice: {group[key]} and {file}; give every '
            'file once (unpacked or in its archive, with one ending)'
        )
    group[key] = file


def read_lines(content: bytes, path: object) -> list[str]:
    """The lines of a list that are not empty.

    Args:
        content (bytes): Text in UTF-8.
        path (object): Named in the error.

    Raises:
        ValueError: If it is no text in UTF-8.
    """
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path} is not a text file in UTF-8 ({error})'
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def list_files(
    paths: Sequence[str | Path], suffixes: Iterable[str]
) -> list[SourceFile]:
    """Every wanted file below the given folders and archives.

    Archives inside a folder are read as well, and links are followed.

    Args:
        paths (Sequence[str | Path]): Folders, .zip and .tar files.
        suffixes (Iterable[str]): Endings wanted, in lower case ('.png').

    Returns:
        list[SourceFile]: Sorted by the path inside. Hidden files and the
        resource forks that macOS adds are left out.

    Raises:
        FileNotFoundError: If a path does not exist.
        ValueError: If an archive is damaged or of an unknown kind, or a name
            cannot be written into a list.
        OSError: If a folder cannot be read.
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
    for file in found:
        _check_name(file)
    return sorted(found)


def _in_folder(folder: Path, wanted: tuple[str, ...]) -> list[SourceFile]:
    found = []
    for path in _walk(folder):
        member = path.relative_to(folder).as_posix()
        if _is_wanted(member, wanted):
            state = _stat(path)
            size, time = state.st_size, state.st_mtime_ns
            found.append(SourceFile(member, str(folder), size, time))
        elif path.suffix.lower() in ('.zip', '.tar'):
            found += _in_archive(path, wanted)
        elif path.name.lower().endswith(_PACKED):
            _refuse_packed(path)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """The files below a folder that are not hidden; links are followed."""
    for root, folders, names in os.walk(
        folder, onerror=_raise, followlinks=True
    ):
        here = Path(root)
        above = {here.resolve(), *here.resolve().parents}
        # A link to a folder above it would never end.
        folders[:] = sorted(
            n
            for n in folders
            if not n.startswith('.')
            and not ((here / n).is_symlink() and (here / n).resolve() in above)
        )
        yield from (here / name for name in sorted(names))


def _in_archive(path: Path, wanted: tuple[str, ...]) -> list[SourceFile]:
    if path.name.startswith('.'):
        return []
    if path.suffix.lower() in _UNPACK:
        _refuse_packed(path)
    archive = _archive(str(path), os.getpid())
    if isinstance(archive, zipfile.ZipFile):
        sizes = [(i.filename, i.file_size) for i in archive.infolist()]
    else:
        sizes = [(i.name, i.size) for i in archive.getmembers() if i.isfile()]
    time = _stat(path).st_mtime_ns
    files = [
        SourceFile(member, str(path), size, time)
        for member, size in sizes
        if _is_wanted(member, wanted) and '__MACOSX' not in member
    ]
    twice = [m for m, n in Counter(f.member for f in files).items() if n > 1]
    if twice:
        raise ValueError(
            f'archive {path} holds {twice[0]} twice; pack it again'
        )
    return files


def _refuse_packed(path: Path) -> NoReturn:
    raise ValueError(
        f'{path} is an archive that cannot be read in place; unpack it and '
        'give the folder, without the archive'
    )


def _is_wanted(member: str, wanted: tuple[str, ...]) -> bool:
    path = PurePosixPath(member)
    hidden = any(p.startswith('.') and p != '..' for p in path.parts)
    return not hidden and path.name.lower().endswith(wanted)


def _check_name(file: SourceFile) -> None:
    """Names become names of tiles and lines of lists."""
    for character in file.member:
        # Control characters, and bytes that are not UTF-8.
        if unicodedata.category(character) in ('Cc', 'Cs'):
            raise ValueError(
                f'the name of the file {str(file)!r} holds the character '
                f'{character!r}; rename it'
            )


def _stat(path: Path) -> os.stat_result:
    try:
        state = path.stat()
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {reason(error)}') from error
    if not stat.S_ISREG(state.st_mode):
        raise ValueError(f'{path} is no file that can be read; move it away')
    return state


def _raise(error: OSError) -> NoReturn:
    raise error


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
            f'archive {path} is truncated or damaged ({reason(error)}); {_FIX}'
        ) from error
    return archive
