# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest
import torch

from aeroseg.models import JBUUpsampler


def published(path: Path, upsampler: JBUUpsampler) -> str:
    """A file of the published layout: prefix, optimiser next to weights."""
    weights = {f'upsampler.{k}': v for k, v in upsampler.state_dict().items()}
    weights['model.other'] = torch.ones(1)
    content = {'state_dict': weights, 'optimizer_states': [{'step': 1}]}
    torch.save(content, path)
    return str(path)


def with_weights(path: str, channels: int, kind: str) -> JBUUpsampler:
    initialiser = {'type': 'JBUPretrained', 'checkpoint': path}
    return JBUUpsampler(channels, kind, initialiser)


@pytest.mark.parametrize('kind', ['jbu_one', 'jbu_stack'])
def test_the_published_layout_loads(tmp_path: Path, kind: str) -> None:
    source = JBUUpsampler(6, kind)
    path = published(tmp_path / 'jbu.ckpt', source)
    upsampler = with_weights(path, 6, kind)
    upsampler.init_weights()
    for name, value in source.state_dict().items():
        assert torch.equal(value, upsampler.state_dict()[name])


def test_weights_of_another_width_or_kind(tmp_path: Path) -> None:
    path = published(tmp_path / 'jbu.ckpt', JBUUpsampler(6))
    with pytest.raises(ValueError, match=r'width 6, this CLIP model has 8: '):
        with_weights(path, 8, 'jbu_one').init_weights()
    with pytest.raises(ValueError, match=r'set model.upsampler.kind=jbu_one'):
        with_weights(path, 6, 'jbu_stack').init_weights()


def test_no_upsampler_in_the_file(tmp_path: Path) -> None:
    torch.save({'state_dict': {'a': torch.ones(1)}}, tmp_path / 'a.ckpt')
    with pytest.raises(ValueError, match='holds no JBU upsampler'):
        with_weights(str(tmp_path / 'a.ckpt'), 6, 'jbu_one').init_weights()
    with pytest.raises(FileNotFoundError, match=r'model.upsampler=None'):
        with_weights(str(tmp_path / 'b.ckpt'), 6, 'jbu_one').init_weights()


def test_the_shipped_file_does_not_fit_a_small_clip(shared_dir: Path) -> None:
    folder = shared_dir / 'weights' / 'simfeatup'
    path = str(folder / 'clip_jbu_stack_cocostuff.ckpt')
    with pytest.raises(ValueError, match='width 512'):
        with_weights(path, 128, 'jbu_stack').init_weights()
