# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checkpoints without unpickling."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from safetensors.torch import save_file

from aeroseg.engine import load_checkpoint_file


def test_a_checkpoint_of_mmengine(tmp_path: Path) -> None:
    buffer = HistoryBuffer()
    buffer.update(np.float64(3.0), 2)
    content = {
        'state_dict': {'a': torch.ones(2)},
        'message_hub': {'log_scalars': {'loss': buffer}},
        'meta': {'iter': 3, 'seed': np.int64(3)},
    }
    torch.save(content, tmp_path / 'iter.pth')
    loaded = load_checkpoint_file(tmp_path / 'iter.pth')
    assert loaded['meta']['seed'] == 3
    history = loaded['message_hub']['log_scalars']['loss']
    assert history.mean() == 1.5


def test_safetensors(tmp_path: Path) -> None:
    save_file({'a': torch.ones(2)}, tmp_path / 'a.safetensors')
    loaded = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.safetensors'))
    assert torch.equal(loaded['state_dict']['a'], torch.ones(2))


class Trap:
    def __reduce__(self) -> tuple:
        return (open, ('trap.txt', 'w'))


def test_code_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({'state_dict': {}, 'x': Trap()}, tmp_path / 'x.pth')
    for load in (load_checkpoint_file, CheckpointLoader.load_checkpoint):
        with pytest.raises(ValueError, match='is not unpickled'):
            load(str(tmp_path / 'x.pth'))
    assert not (tmp_path / 'trap.txt').exists()


def test_missing_and_cut_off(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        load_checkpoint_file(tmp_path / 'x.pth')
    path = tmp_path / 'x.pth'
    torch.save({'a': torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match='cut off'):
        load_checkpoint_file(path)


def test_another_kind_of_file(tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    path.write_text('hello')
    with pytest.raises(ValueError, match='is no checkpoint'):
        load_checkpoint_file(path)
