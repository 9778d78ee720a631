# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Ctrl-C and SIGTERM in the middle of a training."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.materials import write_tiles
from tool_process import ROOT, ToolRun

CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def started(folder: Path) -> ToolRun:
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
    run = ToolRun('tools/train.py', [CONFIG, *words], ROOT)
    limit = time.monotonic() + 600
    while not (folder / 'work/last_checkpoint').is_file():
        assert run.process.exitcode is None, run.wait().err
        assert time.monotonic() < limit
        time.sleep(0.1)
    return run


@pytest.mark.skipif(sys.platform == 'win32', reason='POSIX signals')
@pytest.mark.parametrize(
    ('send', 'number', 'status'),
    [(os.killpg, signal.SIGINT, 130), (os.kill, signal.SIGTERM, 143)],
)
def test_a_stopped_training_says_what_is_kept(
    tmp_path: Path, send: Callable, number: int, status: int
) -> None:
    run = started(tmp_path)
    send(run.process.pid, number)
    ended, _, told = run.wait()
    assert ended == status, told
    assert 'Traceback' not in told
    said = told.strip().splitlines()[-1]
    kept = re.search(r'The checkpoint (\S+) is kept\.', said)
    assert kept, told
    assert Path(kept[1]).is_file()
    assert re.search(r'To resume: python \S+tools/train\.py ', said)
    assert said.endswith('--resume')
    assert not (tmp_path / 'work/.aeroseg.lock').exists()
    assert not list((tmp_path / 'work').glob('.*.part*'))
