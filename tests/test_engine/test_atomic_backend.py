# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checkpoints on a disk that fills up."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.runner import save_checkpoint

import aeroseg.engine  # noqa: F401  (registers the backend)
from aeroseg.engine.atomic_backend import AtomicLocalBackend


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process grows beyond 1 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize('place', ['x.pth', Path('x.pth')])
def test_mmengine_writes_local_files_by_it(place: str | Path) -> None:
    assert isinstance(get_file_backend(place), AtomicLocalBackend)
    backend = get_file_backend(backend_args={'backend': 'local'})
    assert isinstance(backend, AtomicLocalBackend)


def test_a_checkpoint_is_saved_and_replaced(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        save_checkpoint({'x': torch.tensor(value)}, str(tmp_path / 'a.pth'))
    assert torch.load(tmp_path / 'a.pth')['x'] == 2
    assert [p.name for p in tmp_path.iterdir()] == ['a.pth']


def test_a_full_disk_leaves_no_half_checkpoint(
    tmp_path: Path, full_disk: None
) -> None:
    held = tmp_path / 'iter_1.pth'
    held.write_bytes(b'as before')
    for name in ('iter_1.pth', 'iter_2.pth'):
        with pytest.raises(OSError, match=f'too large.*{name}'):
            save_checkpoint({'x': torch.zeros(5000)}, str(tmp_path / name))
    assert held.read_bytes() == b'as before'
    assert [p.name for p in tmp_path.iterdir()] == ['iter_1.pth']


def test_text_is_whole_or_not_there(tmp_path: Path, full_disk: None) -> None:
    backend = AtomicLocalBackend()
    backend.put_text('iter_2.pth', tmp_path / 'last_checkpoint')
    with pytest.raises(OSError, match='too large'):
        backend.put_text('x' * 5000, tmp_path / 'last_checkpoint')
    assert (tmp_path / 'last_checkpoint').read_text() == 'iter_2.pth'
