# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Runs a tool in a process of its own that need not import everything anew.

A server process imports the package once; every run is a fork of it, with its
own working directory, standard output and limits.
"""

import gc
import multiprocessing
import os
import resource
import runpy
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_SERVER = multiprocessing.get_context('forkserver')
_SERVER.set_forkserver_preload(
    [
        *('aeroseg', 'aeroseg.apis', 'aeroseg.engine.run', 'aeroseg.world'),
        *('rasterio', 'pyogrio', 'mmengine.runner', 'mmseg.apis'),
        *('matplotlib.figure', 'matplotlib.backends.backend_agg'),
        *('mmseg.engine', 'torch.utils.cpp_extension'),
        'plain_configs',
    ]
)


class Ended(NamedTuple):
    """How a run ended.

    Attributes:
        status (int): Exit status; negative for a signal.
        out (str): Standard output.
        err (str): Standard error.
    """

    status: int
    out: str
    err: str


class ToolRun:
    """A tool that was started.

    Args:
        tool (str): Path below the checkout, such as 'tools/predict.py'.
        arguments (Sequence[str]): Its command line.
        folder (Path): Working directory.
        memory (int | None): Limit of the address space in bytes.
        file_size (int | None): Limit of the size of a file in bytes, which
            acts as a full disk does.
        environment (Mapping[str, str]): Variables to add.
    """

    def __init__(
        self,
        tool: str,
        arguments: Sequence[str],
        folder: Path,
        memory: int | None = None,
        file_size: int | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._folder = TemporaryDirectory()
        self._logs = [
            Path(self._folder.name) / name for name in ('out', 'err')
        ]
        self.process = _SERVER.Process(
            target=_child,
            args=(
                str(ROOT / tool),
                list(arguments),
                str(folder),
                tuple(map(str, self._logs)),
                memory,
                file_size,
                dict(environment),
            ),
        )
        self.process.start()

    @property
    def said(self) -> str:
        """What it has written to standard error so far."""
        log = self._logs[1]
        return log.read_text(encoding='utf-8') if log.exists() else ''

    def wait(self, seconds: float = 600) -> Ended:
        """Wait for the end.

        Raises:
            TimeoutError: If it does not come in time; the run is killed.
        """
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise TimeoutError(f'still running after {seconds} s')
        out, err = (
            log.read_text(encoding='utf-8', errors='backslashreplace')
            for log in self._logs
        )
        status = self.process.exitcode
        said = self._logs[0].with_name('status')
        if status == 255 and said.is_file():
            # The server had no time to answer; once in a thousand runs.
            status = int(said.read_text())
        self._folder.cleanup()
        return Ended(status, out, err)


def run_tool(
    tool: str, *arguments: object, folder: Path = ROOT, **more: Any
) -> Ended:
    """Run a tool to its end.

    Args:
        tool (str): Path below the checkout, such as 'tools/predict.py'.
        *arguments (object): Its command line.
        folder (Path): Working directory. Default: the checkout.
        **more: Further arguments of :class:`ToolRun`.

    Raises:
        TimeoutError: If it does not end within 600 s.
    """
    return ToolRun(tool, list(map(str, arguments)), folder, **more).wait()


def run_ranks(script: Path, *arguments: object, size: int) -> list[ToolRun]:
    """Start a script in processes that can form a group, as torchrun does.

    Args:
        script (Path): The script.
        *arguments (object): Its command line.
        size (int): Number of processes.

    Returns:
        list[ToolRun]: By rank.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    group = {
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(port),
        'WORLD_SIZE': str(size),
    }
    return [
        ToolRun(
            str(script),
            list(map(str, arguments)),
            ROOT,
            environment={
                **group,
                'RANK': str(rank),
                'LOCAL_RANK': str(rank),
            },
        )
        for rank in range(size)
    ]


def _child(
    tool: str,
    arguments: list[str],
    folder: str,
    logs: tuple[str, str],
    memory: int | None,
    file_size: int | None,
    environment: dict[str, str],
) -> None:
    # What the server imported is no garbage; mmengine collects often.
    gc.freeze()
    os.chdir(folder)
    os.setsid()  # a process group, as a terminal makes
    os.environ.update(COLUMNS='300', OMP_NUM_THREADS='1', **environment)
    for descriptor, log in zip((1, 2), logs, strict=True):
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout = open(1, 'w', encoding='utf-8', closefd=False)  # noqa: SIM115
    sys.stderr = open(2, 'w', encoding='utf-8', closefd=False)  # noqa: SIM115
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    import torch

    torch.set_num_threads(1)
    sys.argv = [tool, *arguments]
    sys.path[:0] = [
        str(Path(tool).parent),
        *filter(None, environment.get('PYTHONPATH', '').split(os.pathsep)),
    ]
    status = 0
    try:
        runpy.run_path(tool, run_name='__main__')
    except SystemExit as end:
        status = _status(end.code)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    Path(logs[0]).with_name('status').write_text(str(status))
    # Without the clean-up of the server's interpreter.
    os._exit(status)


def _status(code: object) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)  # noqa: T201
    return 1
