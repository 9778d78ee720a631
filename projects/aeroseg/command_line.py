# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How every tool starts and ends: help, errors, Ctrl-C, exit status.

Exit status: 0 done; 1 refused or failed, with one sentence on stderr; 2 wrong
arguments; 130 Ctrl-C; 143 SIGTERM. `--debug` shows the traceback as well.
"""

import argparse
import errno
import io
import logging
import math
import operator
import os
import pickle
import shlex
import signal
import sys
import traceback
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import aeroseg_console
from safetensors import SafetensorError

from .errors import explain_partner, is_out_of_memory, lost_partners, reason

EXPECTED = (
    ValueError,
    OSError,
    MemoryError,
    ImportError,
    SafetensorError,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)
# Such as 'aeroseg train'; empty if a script of tools/ was started.
COMMAND = os.environ.pop('AEROSEG_COMMAND', '')
_print_log_error = logging.Handler.handleError
_NO_IMAGE = 'failed to load image: '  # says mmcv's assertion
_IN_WORKER = 'in DataLoader worker process'
REPORT = (
    'This is a fault of AerOSeg. Please report it with the traceback above '
    'and what `python -m aeroseg.environment` prints.'
)


class Terminated(KeyboardInterrupt):
    """SIGTERM, as batch systems send it before they kill."""


class ToolParser(argparse.ArgumentParser):
    """A parser with `--debug`, and the examples of the docstring as they are.

    Args:
        description (str | None): The docstring of the tool.
        **kwargs: Further arguments of ``ArgumentParser``.
    """

    def __init__(self, description: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault(
            'formatter_class', argparse.RawDescriptionHelpFormatter
        )
        if COMMAND:
            kwargs.setdefault('prog', COMMAND)
            description = as_called(description or '')
        super().__init__(description=description, **kwargs)
        self.add_argument(
            '--debug', action='store_true', help='show tracebacks of errors'
        )


def as_called(text: str) -> str:
    """A text about `python tools/NAME.py`, as the user calls the tools.

    Args:
        text (str): What a tool prints.

    Returns:
        str: With `aeroseg NAME` instead if that is how this one was started.
    """
    return aeroseg_console.spoken(text) if COMMAND else text


def integer(
    at_least: int | None = None, at_most: int | None = None
) -> Callable[[str], int]:
    """The type of an argument that is a whole number.

    Args:
        at_least (int, optional): The smallest value.
        at_most (int, optional): The largest value.

    Returns:
        Callable: For ``add_argument(type=...)``.
    """

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if (
            value is None
            or (at_least is not None and value < at_least)
            or (at_most is not None and value > at_most)
        ):
            limits = [
                f'{word} {limit:,}'
                for word, limit in (('from', at_least), ('up to', at_most))
                if limit is not None
            ]
            raise argparse.ArgumentTypeError(
                ' '.join([f'{text!r}; give a whole number', *limits])
            )
        return value

    return read


def number(
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Callable[[str], float]:
    """The type of an argument that is a finite number.

    Args:
        at_least (float, optional): The smallest value.
        at_most (float, optional): The largest value.
        above (float, optional): A limit that is itself not allowed.
        below (float, optional): A limit that is itself not allowed.

    Returns:
        Callable: For ``add_argument(type=...)``.
    """
    limits = {
        'at least': (at_least, operator.ge),
        'at most': (at_most, operator.le),
        'above': (above, operator.gt),
        'below': (below, operator.lt),
    }
    given = {
        word: (a, fits) for word, (a, fits) in limits.items() if a is not None
    }

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not all(
            fits(value, limit) for limit, fits in given.values()
        ):
            words = ' and '.join(f'{w} {a:g}' for w, (a, _) in given.items())
            raise argparse.ArgumentTypeError(
                f'{text!r}; give a number {words}'.rstrip()
            )
        return value

    return read


def run_tool(
    main: Callable[[], int | None],
    kept: str | Callable[[], str] = '',
    resume: Sequence[str] = (),
) -> NoReturn:
    """Run a tool and leave with its exit status.

    Args:
        main (Callable): The tool; returns the exit status, None for 0.
        kept (str | Callable): What a stopped run leaves behind, as a sentence
            such as 'Finished tiles are kept.', or a function that finds out.
            Empty if nothing is kept.
        resume (Sequence[str]): Arguments to add to the same command so that
            the run resumes, such as ['--resume'].
    """
    debug = '--debug' in sys.argv[1:]
    logging.Handler.handleError = _log_failed  # type: ignore[method-assign, assignment]
    if sys.platform != 'win32':
        signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, partial(_interrupt, os.getpid()))
    for stream in (sys.stdout, sys.stderr):
        # Paths of users may hold bytes that the terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    try:
        sys.exit(main() or 0)
    except (KeyboardInterrupt, Exception) as error:
        stop = _stop_behind(error)
        if stop is not None:
            if debug:
                traceback.print_exc()
            by, status = _stopped_by(stop)
            found = kept() if callable(kept) else kept
            _say(f'stopped by {by}. {_how_to_resume(found, resume)}')
            sys.exit(status)
        sentence = describe(error)
        if debug or sentence is None:
            traceback.print_exc()
        _say(f'error: {sentence}' if sentence else REPORT)
        sys.exit(1)


def _stop_behind(error: BaseException) -> KeyboardInterrupt | None:
    """The signal that led to an error.

    mmengine turns whatever comes while it formats a config, at every
    checkpoint, into a SyntaxError.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__context__
    return cause


def _stopped_by(stop: KeyboardInterrupt) -> tuple[str, int]:
    """What stopped a run, and the exit status."""
    if not isinstance(stop, Terminated):
        return 'Ctrl-C', 130
    # torchrun ends the others when a process was lost.
    gone = ' and '.join(lost_partners())
    return f'SIGTERM after {gone} ended' if gone else 'SIGTERM', 143


def describe(error: BaseException) -> str | None:
    """One sentence about an expected failure.

    Args:
        error (BaseException): What was raised.

    Returns:
        str | None: None if the failure is a fault of the program.
    """
    partner = explain_partner(error)
    if partner is not None:
        return partner
    if 'DataLoader worker (pid' in str(error):
        return (
            f'{_first_line(error)} A process that loads data was ended by the '
            'system, mostly because memory ran out: use fewer '
            '(train_dataloader.num_workers=0 uses none)'
        )
    if is_out_of_memory(error):
        return (
            f'out of memory ({_first_line(error) or "no more is to be had"}). '
            'Use a smaller batch, smaller windows or fewer classes'
        )
    unread = str(error).rpartition(_NO_IMAGE)[2].strip()
    if isinstance(error, AssertionError) and unread != str(error).strip():
        return (
            f'{unread} cannot be read as an image. The file is damaged or not '
            'an image; download or write it again'
        )
    if isinstance(error, EXPECTED) and _IN_WORKER in str(error):
        # The traceback in the worker ends with the type and the message.
        last = str(error).strip().rpartition('\n')[2]
        return last.partition(': ')[2] or last
    if isinstance(error, OSError):
        return _describe_os_error(error)
    if isinstance(error, EXPECTED):
        return str(error) or type(error).__name__
    return None


def _describe_os_error(error: OSError) -> str:
    if error.errno is None or error.strerror is None:
        return str(error) or type(error).__name__
    names = [str(n) for n in (error.filename, error.filename2) if n]
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and names:
        return (
            f'{names[-1]} cannot be made or read: it, or a part of its path, '
            'is a file where a folder is needed. Choose another path'
        )
    place = f'{" -> ".join(names)}: ' if names else ''
    return f'{place}{reason(error)}'


def _how_to_resume(kept: str, resume: Sequence[str]) -> str:
    if not kept:
        return 'Nothing of this run is kept'
    words = [w for w in resume if w not in sys.argv]
    start = COMMAND.split() or ['python', sys.argv[0]]
    given = [_without_query(word) for word in sys.argv[1:]]
    command = shlex.join([*start, *given, *words])
    return f'{kept} To resume: {command}'


def _without_query(word: str) -> str:
    """An address without password and signature, which logs must not hold."""
    scheme, found, rest = word.partition('://')
    if not found:
        return word
    host, slash, path = rest.partition('/')
    path, asked, _ = path.partition('?')
    query = '?...' if asked else ''
    return f'{scheme}://{host.rpartition("@")[2]}{slash}{path}{query}'


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def _interrupt(owner: int, *_: object) -> NoReturn:
    if os.getpid() != owner:
        # A worker process: what there is to say, the owner says.
        os._exit(0)
    raise KeyboardInterrupt


def _log_failed(handler: logging.Handler, record: logging.LogRecord) -> None:
    """A log that cannot be written, on a full disk, ends the run."""
    if isinstance(sys.exception(), OSError):
        raise
    _print_log_error(handler, record)


def _say(text: str) -> None:
    # Paths and words of users may hold bytes that the terminal cannot show.
    text = as_called(text)
    encoding = sys.stderr.encoding or 'utf-8'
    safe = text.encode(encoding, 'backslashreplace').decode(encoding)
    print(safe, file=sys.stderr, flush=True)  # noqa: T201


def _first_line(error: BaseException) -> str:
    return str(error).partition('\n')[0]
