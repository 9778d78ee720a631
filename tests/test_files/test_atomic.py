# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aeroseg.files import atomic_path


def test_file_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / 'new' / 'a.txt'
    with atomic_path(target) as part:
        part.write_text('x')
        assert part.suffix == '.txt'
        assert not target.exists()
    assert target.read_text() == 'x'
    assert list(target.parent.iterdir()) == [target]


def test_files_are_as_readable_as_any_other(tmp_path: Path) -> None:
    other = tmp_path / 'other'
    other.touch()
    target = tmp_path / 'a.safetensors'
    with atomic_path(target) as part:
        save_file({'x': torch.zeros(1)}, part)
    assert target.stat().st_mode == other.stat().st_mode


def test_failure_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    target = tmp_path / 'a.txt'
    target.write_text('old')

    def write_half() -> None:
        with atomic_path(target) as part:
            part.write_text('half')
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [target]
