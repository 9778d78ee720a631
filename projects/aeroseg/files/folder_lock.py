# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One run at a time in an output folder."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

LOCK = '.aeroseg.lock'
_BEAT = 20.0  # seconds between two signs of life
_SILENCE = 600.0  # seconds after which a process of another host is dead


@contextmanager
def lock_folder(folder: str | Path) -> Iterator[None]:
    """Hold a folder for one process while the block runs.

    The file `.aeroseg.lock` in the folder names the process and its host. The
    lock of a process that ended without removing it is taken over: on this
    host as soon as the process is gone, on another host when it gave no sign
    of life for ten minutes.

    Args:
        folder (str | Path): The folder; made if missing.

    Raises:
        ValueError: If another process holds it.
        OSError: If the folder cannot be made or written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    _acquire(path)
    stop = threading.Event()
    beat = threading.Thread(target=_keep_alive, args=(path, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        _release(path)


def _acquire(path: Path) -> None:
    with _exclusive(path) as file:
        owner = _read(file)
        if owner and _is_alive(owner, path):
            raise ValueError(
                f'{path.parent} is in use by process {owner.get("pid")} on '
                f'{owner.get("host")} ({owner.get("command")}), started at '
                f'{owner.get("time")}. Wait until it has finished, or choose '
                f'another folder. If it no longer runs, delete {path}'
            )
        file.seek(0)
        file.truncate()
        json.dump(_this_process(), file)


def _release(path: Path) -> None:
    # The folder may be gone, with all that was in it.
    with suppress(OSError), _exclusive(path, make=False) as file:
        if _is_this_process(_read(file)):
            path.unlink()


@contextmanager
def _exclusive(path: Path, make: bool = True) -> Iterator[IO[str]]:
    """Open a lock file while no other process looks at it."""
    while True:
        mode = 'a+' if make else 'r+'
        file = path.open(mode, encoding='utf-8')
        try:
            _lock_file(file)
            # The last owner may have removed the file in the meantime.
            if path.exists() and os.path.samestat(
                os.fstat(file.fileno()), path.stat()
            ):
                yield file
                return
        finally:
            file.close()


def _lock_file(file: IO[str]) -> None:
    if sys.platform == 'win32':
        return  # no such lock; two runs would have to start at one moment
    import fcntl

    # Some network file systems have no such locks.
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)


def _read(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    try:
        owner = json.load(file)
    except ValueError:
        return {}  # empty, or cut off by a full disk
    return owner if isinstance(owner, dict) else {}


def _this_process() -> dict[str, Any]:
    return {
        **_identity(os.getpid()),
        'time': time.strftime('%Y-%m-%d %H:%M:%S'),
        'command': ' '.join(map(_name, sys.argv[:2])),
    }


def _name(word: str) -> str:
    """Last part of a path; of an address, without a signature after '?'."""
    address = '://' in word
    return Path(word.partition('?')[0] if address else word).name


def _identity(pid: int) -> dict[str, Any]:
    """What tells a process from a later one with the same number."""
    boot = Path('/proc/sys/kernel/random/boot_id')
    stat = Path(f'/proc/{pid}/stat')
    start = ''
    with suppress(OSError, IndexError):
        # The name of the program, in brackets, may hold blanks.
        start = stat.read_text().rpartition(')')[2].split()[19]
    return {
        'host': socket.gethostname(),
        'boot': boot.read_text().strip() if boot.is_file() else '',
        'pid': pid,
        'start': start,
    }


def _is_this_process(owner: dict[str, Any]) -> bool:
    own = _identity(os.getpid())
    return all(owner.get(key) == value for key, value in own.items())


def _is_alive(owner: dict[str, Any], path: Path) -> bool:
    if _is_this_process(owner):
        return True
    if owner.get('host') != socket.gethostname():
        return _age(path) < _SILENCE
    pid = owner.get('pid')
    if not isinstance(pid, int) or not _exists(pid):
        return False
    now = _identity(pid)
    return all(now[key] == owner.get(key) for key in ('boot', 'start'))


def _exists(pid: int) -> bool:
    if sys.platform == 'win32':
        # Signal 0 would end the process there.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _age(path: Path) -> float:
    """Seconds since the last sign of life, by the clock of the disk."""
    probe = path.with_name(f'{path.name}.{os.getpid()}')
    probe.touch()
    try:
        return probe.stat().st_mtime - path.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _keep_alive(path: Path, stop: threading.Event) -> None:
    while not stop.wait(_BEAT):
        with suppress(OSError):
            os.utime(path)
