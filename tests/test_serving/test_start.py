# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The tool itself, as a process."""

import json
import os
import re
import shlex
import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tool_process import ToolRun, run_tool

from aeroseg.serving.start import show


def arguments(files: dict[str, Path], *more: object) -> list[str]:
    model = ('--config', files['config'], '--checkpoint', files['checkpoint'])
    return [str(part) for part in (*model, '--device', 'cpu', *more)]


def start(given: list[str], folder: Path) -> tuple[ToolRun, str]:
    """A server, and the address that it prints."""
    server = ToolRun('tools/serve.py', given, folder)
    for _ in range(6000):
        found = re.search(r'open (http://\S+)', server.said)
        if found:
            return server, found[1]
        time.sleep(0.05)
    raise AssertionError(server.said)


def read(address: str, content: Any = None) -> Any:
    """A JSON answer."""
    body = None if content is None else json.dumps(content).encode()
    kind = {'content-type': 'application/json'}
    asked = urllib.request.Request(address, body, kind)
    with urllib.request.urlopen(asked) as answer:
        return json.loads(answer.read())


@pytest.mark.slow
def test_a_server_that_is_killed_loses_nothing(
    tiny_files: dict[str, Path],
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    tmp_path: Path,
) -> None:
    scene = write_scene(np.tile(pixels, (6, 9, 1)))
    given = arguments(tiny_files, scene, '--port', 0, '--out', tmp_path / 'o')
    server, address = start(given, tmp_path)
    name = read(f'{address}api/state')['scenes'][0]['id']
    words = {'classes': [{'words': 'road'}, {'words': 'tree'}]}
    job = read(f'{address}api/jobs', {'scene': name, 'words': words})['id']
    while read(f'{address}api/jobs/{job}')['done'] < 60:
        time.sleep(0.02)
    assert server.process.pid is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.wait()
    assert list((tmp_path / 'o' / job / '.aeroseg').glob('*.npz'))
    again, address = start(given, tmp_path)
    end = time.monotonic() + 600
    while (found := read(f'{address}api/jobs/{job}'))['state'] != 'done':
        assert time.monotonic() < end, found
        time.sleep(0.1)
    assert again.process.pid is not None
    os.kill(again.process.pid, signal.SIGTERM)
    assert again.wait().status == 143
    alone = run_tool(
        'tools/predict.py', *shlex.split(found['command'])[2:], folder=tmp_path
    )
    assert 'is already complete' in alone.err  # the same question


def test_it_serves_until_it_is_stopped(
    tiny_files: dict[str, Path], scene: Path, tmp_path: Path
) -> None:
    given = arguments(tiny_files, scene, '--port', 0, '--out', tmp_path / 'o')
    server, address = start(given, tmp_path)
    assert server.process.pid is not None
    with urllib.request.urlopen(address) as page:
        assert b'AerOSeg' in page.read()
    os.kill(server.process.pid, signal.SIGINT)
    ended = server.wait()
    assert ended.status == 130
    assert 'stopped by Ctrl-C. Maps and finished rows are kept.' in ended.err
    assert 'Traceback' not in ended.err


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        (['--host', '0.0.0.0'], 'add --token'),
        (['--host', '203.0.113.9', '--token'], 'cannot listen'),
        (['missing.tif'], 'there is no file missing.tif'),
        (['--upload-limit', '0'], 'name a scene'),
        (['--gsd', '-1'], 'above 0'),
    ],
)
def test_wrong_arguments(
    tiny_files: dict[str, Path], tmp_path: Path, given: list[str], said: str
) -> None:
    given = [*given, '--port', '0', '--out', str(tmp_path / 'o')]
    ended = run_tool('tools/serve.py', *arguments(tiny_files, *given))
    assert ended.status == 1
    assert said in ended.err


def test_a_port_in_use(tiny_files: dict[str, Path], tmp_path: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as other:
        port: Any = other.getsockname()[1]
        given = arguments(tiny_files, '--port', port, '--out', tmp_path / 'o')
        ended = run_tool('tools/serve.py', *given)
    assert ended.status == 1
    assert f'port {port} is in use' in ended.err


def test_a_notebook_shows_the_page_below_the_cell(
    tiny_files: dict[str, Path], scene: Path, tmp_path: Path
) -> None:
    given = {name: str(path) for name, path in tiny_files.items()}
    shown = show(scene, **given, out=tmp_path / 'o')
    assert f'src="{shown.url}"' in shown._repr_html_()
    with urllib.request.urlopen(shown.url) as page:
        assert b'AerOSeg' in page.read()
    shown.stop()
    with pytest.raises(ValueError, match='unknown options'):
        show(scene, modle='x')
