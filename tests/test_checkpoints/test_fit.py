# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/state_fit.py."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aeroseg.checkpoints.fit import check_fit, read_tensors


@pytest.mark.parametrize('wrapper', [None, 'model', 'state_dict'])
def test_opens_wrappers(tmp_path: Path, wrapper: str | None) -> None:
    path = tmp_path / 'a.pth'
    state = {'w': torch.ones(2), 'epoch': 3}
    torch.save(state if wrapper is None else {wrapper: state}, path)
    tensors = read_tensors(path, 'advice')
    assert list(tensors) == ['w']
    assert torch.equal(tensors['w'], torch.ones(2))


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_says_when_a_file_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f'a{suffix}'
    state = {'w': torch.ones(2000)}
    if suffix == '.pth':
        torch.save(state, path)
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r'may be cut off.*advice'):
        read_tensors(path, 'advice')


def test_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    torch.save({'w': print}, path)
    with pytest.raises(ValueError, match='not unpickled'):
        read_tensors(path, 'advice')


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.pth\. advice'):
        read_tensors(tmp_path / 'none.pth', 'advice')


def test_names_faults_and_counts_the_rest() -> None:
    own = {name: torch.zeros(2) for name in 'abcde'}
    check_fit(own, own, lambda name: False, 'x', 'advice')
    more = {**own, 'head': torch.zeros(1)}
    check_fit(own, more, lambda name: name == 'head', 'x', 'advice')
    with pytest.raises(ValueError, match='head is unknown'):
        check_fit(own, more, lambda name: False, 'x', 'advice')
    with pytest.raises(ValueError, match=r'a is missing.* and 2 more\. adv'):
        check_fit(own, {}, lambda name: False, 'x', 'advice')
    with pytest.raises(ValueError, match=r'a is \(3,\), not \(2,\)'):
        check_fit(
            own, {**own, 'a': torch.zeros(3)}, lambda name: False, 'x', 'y'
        )
