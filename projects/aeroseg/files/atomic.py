# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Files that are either complete or missing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def require_utf8(path: Path) -> None:
    """Refuse a name that GDAL cannot take.

    Args:
        path (Path): Of a file or folder.

    Raises:
        ValueError: If its bytes are not UTF-8.
    """
    try:
        str(path).encode('utf-8')
    except UnicodeEncodeError:
        shown = str(path).encode('utf-8', 'backslashreplace').decode()
        raise ValueError(
            f'the name {shown} is not UTF-8, and GDAL opens no such files; '
            'rename it'
        ) from None


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Write to a temporary file and rename it on success.

    The temporary file is next to the target and has the same suffix, because
    many writers choose the format by it.

    Args:
        path (str | Path): The complete file. Missing parent folders are
            created.

    Yields:
        Path: The file to write. It is renamed to `path` at the end of the
        block and removed if the block raises.

    Examples:
        >>> with atomic_path('/tmp/aeroseg_example.txt') as part:
        ...     part.write_text('complete')
        8
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.stem}.{os.getpid()}.part{path.suffix}')
    part.touch()
    mode = part.stat().st_mode  # some writers make files private
    part.unlink()
    try:
        yield part
        part.chmod(mode)
        part.replace(path)
    except OSError as error:
        # A write to an open file, as on a full disk, names none.
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)
