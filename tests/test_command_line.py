# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One sentence and a status for every end of a tool."""

import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file
from tool_process import ToolRun

from aeroseg.command_line import ToolParser, run_tool


@pytest.fixture
def end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a function as a tool: exit status and stderr."""

    def run(main: Callable, *words: str, **keys: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, 'argv', ['tools/x.py', *words])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as caught:
                run_tool(main, **keys)
        finally:
            signal.signal(signal.SIGTERM, handler)
        return int(caught.value.code or 0), capsys.readouterr().err

    return run


def fail(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


def test_a_tool_s_status_is_kept(end: Callable) -> None:
    assert end(lambda: None) == (0, '')
    assert end(lambda: 1) == (1, '')


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (ValueError('gsd is -1'), 'error: gsd is -1\n'),
        (
            OSError(errno.ENAMETOOLONG, 'File name too long', 'a' * 300),
            f'error: {"a" * 300}: File name too long\n',
        ),
        (
            FileExistsError(errno.EEXIST, 'File exists', 'work'),
            'error: work cannot be made or read: it, or a part of its path, '
            'is a file where a folder is needed. Choose another path\n',
        ),
        (
            OSError(errno.ELOOP, 'Too many levels of symbolic links', '/x'),
            'error: /x: Too many levels of symbolic links\n',
        ),
        (FileNotFoundError('there is no file x'), 'error: there is no file x'),
        (ImportError('rasterio is missing'), 'error: rasterio is missing\n'),
        (MemoryError(), 'error: out of memory'),
        (ValueError('path [/red] of a user'), 'error: path [/red] of a user'),
        (ValueError(), 'error: ValueError\n'),
    ],
)
def test_expected_failures_are_one_sentence(
    end: Callable, error: Exception, said: str
) -> None:
    status, text = end(fail(error))
    assert status == 1
    assert text.startswith(said)
    assert text.count('\n') == 1


def test_names_that_are_not_utf8_can_be_said(
    end: Callable, tmp_path: Path
) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b'/\xff.tif')
    status, text = end(Path(path).read_bytes)
    assert status == 1
    assert '.tif: No such file or directory' in text


def test_damaged_safetensors_are_one_sentence(
    end: Callable, tmp_path: Path
) -> None:
    path = tmp_path / 'damaged.safetensors'
    path.write_bytes(b'\x00' * 40)
    status, text = end(lambda: load_file(path))
    assert (status, text.count('\n')) == (1, 1)


def test_debug_shows_the_traceback_too(end: Callable) -> None:
    status, text = end(fail(ValueError('wrong')), '--debug')
    assert status == 1
    assert 'Traceback' in text
    assert text.endswith('error: wrong\n')


def test_faults_of_the_program_keep_their_traceback(end: Callable) -> None:
    status, text = end(fail(AttributeError('no attribute x')))
    assert status == 1
    assert 'Traceback' in text
    assert 'python -m aeroseg.environment' in text


SCRIPT = """
import sys, time
from aeroseg.command_line import run_tool
def main():
    open('ready', 'w').close()
    time.sleep(60)
run_tool(main, 'Finished rows are kept.', ['--resume'])
"""


@pytest.mark.parametrize(
    ('sign', 'status', 'name'),
    [(signal.SIGINT, 130, 'Ctrl-C'), (signal.SIGTERM, 143, 'SIGTERM')],
)
def test_a_stopped_run_says_what_is_kept(
    tmp_path: Path, sign: signal.Signals, status: int, name: str
) -> None:
    script = tmp_path / 'tool.py'
    script.write_text(SCRIPT)
    url = 'https://me:pw@host/s.tif?sig=abc'
    run = ToolRun(str(script), ['a b', url], tmp_path)
    while not (tmp_path / 'ready').is_file():
        assert run.process.exitcode is None
        time.sleep(0.05)
    time.sleep(0.1)
    os.kill(run.process.pid, sign)
    ended, _, text = run.wait()
    assert ended == status
    assert f'stopped by {name}. Finished rows are kept. To resume: ' in text
    shown = "'a b' 'https://host/s.tif?...' --resume"
    assert f'python {script} {shown}' in text
    assert 'Traceback' not in text


def test_the_parser_has_debug_and_keeps_examples() -> None:
    parser = ToolParser('Do it.\n\nExamples:\n  python tools/x.py --a\n')
    assert parser.parse_args(['--debug']).debug
    assert '\n  python tools/x.py --a\n' in parser.format_help()


def test_what_a_data_process_raised_is_one_sentence(end: Callable) -> None:
    text = (
        'Caught ValueError in DataLoader worker process 0.\n'
        'Original Traceback (most recent call last):\n'
        '  File "x.py", line 1, in f\nValueError: tiles/1.png is damaged\n'
    )
    status, told = end(fail(ValueError(text)))
    assert (status, told) == (1, 'error: tiles/1.png is damaged\n')


@pytest.mark.parametrize('before', ['', 'Caught AssertionError in x.\n  '])
def test_an_image_that_mmcv_cannot_load_is_named(
    end: Callable, before: str
) -> None:
    error = AssertionError(f'{before}failed to load image: tiles/1.png')
    status, told = end(fail(error))
    assert status == 1
    assert told.startswith('error: tiles/1.png cannot be read as an image')
    assert end(fail(AssertionError('x')))[1].count('Traceback') == 1


def test_a_log_on_a_full_disk_ends_the_run(end: Callable) -> None:
    class Full(logging.StreamHandler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                raise OSError(errno.ENOSPC, 'No space left on device')
            except OSError:
                self.handleError(record)

    def main() -> None:
        logger = logging.Logger('full')
        logger.addHandler(Full())
        logger.info('loss: 0.1')

    status, told = end(main)
    assert (status, told) == (1, 'error: No space left on device\n')


SWALLOWED = """
from aeroseg.command_line import run_tool

def main():
    try:
        raise KeyboardInterrupt
    except BaseException:
        # As mmengine does while it formats a config for a checkpoint.
        raise SyntaxError('Failed to format the config file')

run_tool(main, kept='Finished rows are kept.')
"""


def test_a_stop_that_a_library_turned_into_an_error(tmp_path: Path) -> None:
    script = tmp_path / 'tool.py'
    script.write_text(SWALLOWED)
    ended, _, text = ToolRun(str(script), [], tmp_path).wait()
    assert ended == 130
    assert 'stopped by Ctrl-C. Finished rows are kept. To resume: ' in text
    assert 'Traceback' not in text
