# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/predict.py as people call it: from another folder, and torchrun."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from tool_process import run_tool

RESULTS = ('labels.tif', 'classes.csv', 'preview.png', 'labels.qml')


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A checkpoint with its config, and five images."""
    import aeroseg.models  # noqa: F401

    name = 'aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    config = Config.fromfile(root / 'configs' / 'aeroseg' / name)
    (tmp_path / 'work').mkdir()
    config.dump(tmp_path / 'work' / 'config.py')
    weights = {'state_dict': MODELS.build(config.model).state_dict()}
    torch.save(weights, tmp_path / 'work' / 'tiny.pth')
    (tmp_path / 'images').mkdir()
    draws = np.random.default_rng(0)
    for index in range(5):
        size = (90 + 40 * index, 120, 3)
        pixels = draws.integers(0, 256, size, np.uint8)
        Image.fromarray(pixels).save(tmp_path / 'images' / f'{index}.png')
    return tmp_path


def _run(
    root: Path, folder: Path, out: str, *before: str
) -> subprocess.CompletedProcess:
    command = [
        *(sys.executable, *before, str(root / 'tools' / 'predict.py')),
        *('images', '--checkpoint', 'work/tiny.pth', '--device', 'cpu'),
        *('--classes', 'road; tree, forest', '--out', out),
        '--quiet',
    ]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_two_processes_share_the_scenes_and_equal_one(
    root: Path, folder: Path
) -> None:
    torchrun = ('-m', 'torch.distributed.run', '--standalone')
    two = _run(root, folder, 'two', *torchrun, '--nproc-per-node=2')
    assert two.returncode == 0, two.stderr[-2000:]
    one = _run(root, folder, 'one')
    assert one.returncode == 0, one.stderr[-2000:]
    for index in range(5):
        for name in RESULTS:
            found = (folder / 'two' / str(index) / name).read_bytes()
            expected = (folder / 'one' / str(index) / name).read_bytes()
            assert found == expected


def test_errors_are_one_line(folder: Path) -> None:
    checkpoint = folder / 'work' / 'tiny.pth'
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    done = run_tool(
        *('tools/predict.py', 'images', '--checkpoint', 'work/tiny.pth'),
        *('--classes', 'road; tree', '--out', 'out', '--quiet'),
        folder=folder,
    )
    assert done.status == 1
    last = done.err.strip().splitlines()[-1]
    assert last.startswith('error: work/tiny.pth is not a checkpoint')
    assert 'Traceback' not in done.err
    assert not (folder / 'out').exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, 'wait4'), reason='no record of the peak')
@pytest.mark.parametrize('shape', [(512, 8192), (4096, 1024)])
def test_the_stated_memory_is_a_close_bound(
    root: Path, folder: Path, shape: tuple[int, int]
) -> None:
    draws = np.random.default_rng(0)
    pixels = draws.integers(0, 256, (*shape, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'scene.tif')
    command = [
        *(sys.executable, str(root / 'tools' / 'predict.py'), 'scene.tif'),
        *('--checkpoint', 'work/tiny.pth', '--classes', 'road; tree'),
        *('--device', 'cpu', '--out', 'out'),
    ]
    with (folder / 'log').open('w') as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, 'OMP_NUM_THREADS': '1'},
            stdout=log,
            stderr=log,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    text = (folder / 'log').read_text()
    assert process.returncode == 0, text[-2000:]
    found = re.search(r'memory about ([\d.]+) ([MG])iB', text)
    assert found is not None, text
    stated = float(found[1]) * {'M': 2**20, 'G': 2**30}[found[2]]
    unit = 1 if sys.platform == 'darwin' else 1024
    assert 0.85 * stated <= usage.ru_maxrss * unit <= 1.01 * stated


def _start(root: Path, folder: Path, *before: str) -> subprocess.Popen:
    big = np.random.default_rng(0).integers(0, 256, (1500, 300, 3), np.uint8)
    for name in ('a', 'b'):
        Image.fromarray(big).save(folder / f'{name}.png')
    command = [
        *(sys.executable, *before, str(root / 'tools' / 'predict.py')),
        *('a.png', 'b.png', '--checkpoint', 'work/tiny.pth', '--out', 'out'),
        *('--device', 'cpu', '--classes', 'road; tree', '--scale', '1'),
        *('--window', '64', '--overlap', '32', '--quiet'),
    ]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_rows(folder: Path, count: int) -> list[int]:
    """Wait for kept rows of `count` scenes; the processes that hold them."""
    for _ in range(1500):
        busy = {path.parents[1] for path in folder.glob('out/*/.aeroseg/0*')}
        if len(busy) == count:
            locks = [(path / '.aeroseg.lock').read_text() for path in busy]
            return [json.loads(lock)['pid'] for lock in locks]
        time.sleep(0.1)
    raise AssertionError('no rows')


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_how_to_resume(
    root: Path, folder: Path, number: signal.Signals
) -> None:
    run = _start(root, folder)
    _wait_for_rows(folder, 1)
    run.send_signal(number)
    last = run.communicate(timeout=300)[1].strip().splitlines()[-1]
    assert run.returncode == {signal.SIGINT: 130}.get(number, 143)
    assert 'rows are kept. To resume: python' in last
    assert last.endswith('--overlap 32 --quiet')
    assert 'Traceback' not in last


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
def test_a_killed_process_ends_the_others_and_is_named(
    root: Path, folder: Path
) -> None:
    torchrun = ('-m', 'torch.distributed.run', '--standalone')
    run = _start(root, folder, *torchrun, '--nproc-per-node=2')
    pid = _wait_for_rows(folder, 2)[0]
    os.kill(pid, signal.SIGKILL)
    told = run.communicate(timeout=300)[1]
    assert run.returncode != 0
    assert re.search(rf'rank [01] \(process {pid}\) ended', told), told
