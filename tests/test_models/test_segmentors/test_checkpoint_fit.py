# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checkpoints that do not fit are refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint

from aeroseg.models import AerOSeg

Build = Callable[..., AerOSeg]


def test_other_sizes(build_tiny: Build, tmp_path: Path) -> None:
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': build_tiny().state_dict()}, path)
    model = build_tiny(**{'neck.embed_dims': 48})
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(ValueError, match=r'do not fit \(neck\.embed'):
        load_checkpoint(model, str(path))
    after = model.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_another_vocabulary_drops_the_back_projection(
    build_tiny: Build, tmp_path: Path
) -> None:
    path = tmp_path / 'two.pth'
    source = build_tiny()
    torch.save({'state_dict': source.state_dict()}, path)
    model = build_tiny(names=('a', 'b', 'c'))
    load_checkpoint(model, str(path), strict=False)
    assert torch.equal(model.neck.embed.weight, source.neck.embed.weight)


def test_strict_loading_without_the_head(build_tiny: Build) -> None:
    state = build_tiny().state_dict()
    model = build_tiny(auxiliary_head=None)
    model.load_state_dict(state, strict=True)


def test_missing_tensors(build_tiny: Build, tmp_path: Path) -> None:
    """A decoder without attention is no decoder with attention."""
    path = tmp_path / 'plain.pth'
    plain = build_tiny(**{'decode_head.attention': False})
    torch.save({'state_dict': plain.state_dict()}, path)
    model = build_tiny(**{'decode_head.attention': True})
    with pytest.raises(ValueError, match=r'attention\.channel.*: not in'):
        load_checkpoint(model, str(path))
