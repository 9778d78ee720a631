# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Ctrl-C and SIGTERM in the middle of a training."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.materials import write_tiles

CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def started(root: Path, folder: Path) -> subprocess.Popen:
    """A long training, with a process that loads data, past a checkpoint."""
    write_tiles(folder / 'tiles')
    options = [
        *(
            f'{name}_dataloader.dataset.data_root={folder / "tiles"}'
            for name in ('train', 'val', 'test')
        ),
        'train_dataloader.num_workers=1',
        'train_cfg.max_iters=10000',
        'train_cfg.val_interval=10000',
        'default_hooks.checkpoint.interval=1',
    ]
    words = ['--work-dir', str(folder / 'work'), '--cfg-options', *options]
    run = subprocess.Popen(
        [sys.executable, 'tools/train.py', CONFIG, *words],
        cwd=root,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group, as a terminal makes
    )
    limit = time.monotonic() + 240
    while not (folder / 'work/last_checkpoint').is_file():
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < limit
        time.sleep(0.1)
    return run


@pytest.mark.skipif(sys.platform == 'win32', reason='POSIX signals')
@pytest.mark.parametrize(
    ('send', 'number', 'status'),
    [(os.killpg, signal.SIGINT, 130), (os.kill, signal.SIGTERM, 143)],
)
def test_a_stopped_training_says_what_is_kept(
    root: Path, tmp_path: Path, send: Callable, number: int, status: int
) -> None:
    run = started(root, tmp_path)
    send(run.pid, number)
    try:
        told = run.communicate(timeout=120)[1]
    finally:
        run.kill()
    assert run.returncode == status, told
    assert 'Traceback' not in told
    said = told.strip().splitlines()[-1]
    kept = re.search(r'The checkpoint (\S+) is kept\.', said)
    assert kept, told
    assert Path(kept[1]).is_file()
    assert 'To resume: python tools/train.py' in said
    assert said.endswith('--resume')
    assert not (tmp_path / 'work/.aeroseg.lock').exists()
    assert not list((tmp_path / 'work').glob('.*.part*'))
