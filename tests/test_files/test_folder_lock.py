# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One run per folder, with real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aeroseg.files import LOCK, folder_lock, lock_folder

# By its file, because the whole package takes seconds to import.
HOLD = """
import runpy, sys, time
lock_folder = runpy.run_path(sys.argv[3])['lock_folder']
with lock_folder(sys.argv[1]):
    print('held', flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [
            *(sys.executable, '-c', HOLD, str(folder), str(seconds)),
            folder_lock.__file__,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process


def wait_for(folder: Path) -> None:
    deadline = time.monotonic() + 300
    while not (folder / LOCK).is_file():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_second_process_is_refused_and_told_who_holds_it(
    tmp_path: Path,
) -> None:
    process = hold(tmp_path, 60)
    try:
        wait_for(tmp_path)
        assert process.stdout is not None
        process.stdout.readline()
        with (
            pytest.raises(ValueError, match=f'process {process.pid} on'),
            lock_folder(tmp_path),
        ):
            pass
    finally:
        process.kill()
        process.wait()
    # Killed: its lock is still there and counts no longer.
    assert (tmp_path / LOCK).is_file()
    with lock_folder(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())['pid'] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_a_stopped_process_still_holds_it(tmp_path: Path) -> None:
    process = hold(tmp_path, 60)
    try:
        wait_for(tmp_path)
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(ValueError, match='in use'), lock_folder(tmp_path):
            pass
    finally:
        process.kill()
        process.wait()


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(ValueError, match='in use'),
        lock_folder(tmp_path),
    ):
        pass


def test_one_of_many_that_find_a_dead_owner_wins(tmp_path: Path) -> None:
    owner = {**folder_lock._identity(os.getpid()), 'start': '1'}
    (tmp_path / LOCK).write_text(json.dumps(owner))
    processes = [hold(tmp_path, 8) for _ in range(4)]
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [out for out, _ in outputs].count('held\n') == 1
    assert sum('is in use by' in err for _, err in outputs) == 3


@pytest.mark.parametrize('content', ['', '{"pid": ', '[]', '{"pid": "x"}'])
def test_a_damaged_lock_is_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / LOCK).write_text(content)
    if 'x' in content:
        name = folder_lock._identity(0)['host']
        (tmp_path / LOCK).write_text(json.dumps({'pid': 'x', 'host': name}))
    with lock_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_host_counts_while_it_gives_signs_of_life(
    tmp_path: Path,
) -> None:
    lock = tmp_path / LOCK
    lock.write_text(json.dumps({'pid': 1, 'host': 'elsewhere'}))
    with (
        pytest.raises(ValueError, match='process 1 on elsewhere'),
        lock_folder(tmp_path),
    ):
        pass
    long_ago = time.time() - 3600
    os.utime(lock, (long_ago, long_ago))
    with lock_folder(tmp_path):
        pass


def test_signs_of_life_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, '_BEAT', 0.02)
    with lock_folder(tmp_path):
        lock = tmp_path / LOCK
        os.utime(lock, (0, 0))
        deadline = time.monotonic() + 300
        while lock.stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_folder_removed_inside_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / 'out'
    with lock_folder(folder):
        (folder / LOCK).unlink()
        folder.rmdir()
    assert not folder.exists()


def test_a_lock_holds_no_signature_of_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = 'https://me:pw@host/s.tif?sig=abc'
    monkeypatch.setattr(sys, 'argv', ['tools/predict.py', url])
    with lock_folder(tmp_path):
        content = json.loads((tmp_path / LOCK).read_text())
    assert content['command'] == 'predict.py s.tif'
