# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The cause of an error, as text."""

import os
import socket
from pathlib import Path

_NO_MEMORY = (
    "can't allocate memory",
    'not enough memory',
    'out of memory',
    'Unable to allocate',
)
_LOST = (
    'Connection closed by peer',
    'Connection reset by peer',
    'Broken pipe',
    'NCCL communicator was aborted',
    'Timed out waiting',
    'wait timeout',
)
_partners: list[tuple[str, int]] = []  # host and process id per rank


def reason(error: BaseException) -> str:
    """The message of an error, or of the error that caused it.

    rasterio raises "See previous exception for details" from GDAL's error,
    which names the cause.

    Args:
        error (BaseException): The error.
    """
    system = getattr(error, 'strerror', None)
    cause = error.__cause__ or error
    return (system or str(cause) or str(error)).rstrip('. ')


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the CPU or of a GPU.

    Args:
        error (BaseException): What was raised.
    """
    if isinstance(error, MemoryError):
        return not str(error) or any(text in str(error) for text in _NO_MEMORY)
    # The CPU allocator has no exception class; CUDA's is a RuntimeError.
    return isinstance(error, RuntimeError) and any(
        text in str(error) for text in _NO_MEMORY
    )


def remember_partners() -> None:
    """Note which process has which rank; every rank calls this once."""
    from torch import distributed

    if not distributed.is_initialized():
        return
    own = (socket.gethostname(), os.getpid())
    found: list = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, own)
    _partners[:] = found


def explain_partner(error: BaseException) -> str | None:
    """A sentence if another process of this run was lost.

    Args:
        error (BaseException): What was raised in this process.

    Returns:
        str | None: Names the rank where that is known; None if the failure
        has another cause.
    """
    text = str(error)
    if not isinstance(error, RuntimeError | ConnectionError) or not any(
        lost in text for lost in _LOST
    ):
        return None
    gone = lost_partners()
    if not gone and len(_partners) < 2:
        return None
    who = ' and '.join(gone) or 'another rank, on another machine,'
    return (
        f'{who} ended before the others, so this process stops as well. Its '
        'own message, or that of the system (out of memory, killed), says why'
    )


def lost_partners() -> list[str]:
    """The processes of this run, on this machine, that have ended.

    Returns:
        list[str]: Such as 'rank 1 (process 4711)'.
    """
    return [
        f'rank {rank} (process {pid})'
        for rank, (host, pid) in enumerate(_partners)
        if host == socket.gethostname() and not _runs(pid)
    ]


def _runs(pid: int) -> bool:
    """Whether a process of this machine exists and is no zombie."""
    try:
        os.kill(pid, 0)
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2]
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return state.split()[0] not in ('Z', 'X')
