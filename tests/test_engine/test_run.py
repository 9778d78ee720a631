# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Building a runner, its checkpoints, and where a run resumes from."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn

from aeroseg.engine.run import (
    build_runner,
    building,
    latest_checkpoint,
    work_dir_lock,
)


class Segmentor(BaseModel):
    """A backbone and a last layer, named as in mmseg's closed-set heads."""

    def __init__(self, classes: int = 4, backbone: str = 'backbone') -> None:
        super().__init__()
        self.add_module(backbone, nn.Conv2d(3, 8, 1))
        self.decode_head = nn.ModuleDict(
            {'conv_seg': nn.Conv2d(8, classes, 1)}
        )

    def forward(self, inputs: torch.Tensor, *_: object) -> torch.Tensor:
        return inputs


@pytest.fixture(autouse=True, scope='module')
def _registered() -> None:
    init_default_scope('mmseg')
    MODELS.register_module(name='RunSegmentor', module=Segmentor, force=True)


def make(folder: Path, **model: object) -> Config:
    return Config(
        {
            'default_scope': 'mmseg',
            'model': {'type': 'RunSegmentor', **model},
            'work_dir': str(folder / 'work'),
        }
    )


def saved(folder: Path, **model: object) -> str:
    path = folder / 'other.pth'
    torch.save({'state_dict': Segmentor(**model).state_dict()}, path)
    return str(path)


def load(config: Config, checkpoint: str, fine_tunes: bool) -> Runner:
    config.load_from = checkpoint
    runner = build_runner(config, fine_tunes=fine_tunes)
    runner.load_or_resume()
    return runner


@pytest.mark.parametrize('fine_tunes', [False, True])
def test_a_checkpoint_of_another_network_is_refused(
    tmp_path: Path, fine_tunes: bool
) -> None:
    other = saved(tmp_path, backbone='encoder')
    with pytest.raises(ValueError, match=r'backbone\.weight is missing'):
        load(make(tmp_path), other, fine_tunes)


def test_a_checkpoint_for_other_classes_is_refused_in_a_test(
    tmp_path: Path,
) -> None:
    other = saved(tmp_path, classes=7)
    with pytest.raises(ValueError, match=r'conv_seg\.weight is \(7, 8'):
        load(make(tmp_path), other, fine_tunes=False)


def test_training_may_start_from_other_classes(tmp_path: Path) -> None:
    other = saved(tmp_path, classes=7)
    model = load(make(tmp_path), other, fine_tunes=True).model
    weights = torch.load(other)['state_dict']
    assert torch.equal(model.backbone.weight, weights['backbone.weight'])
    assert model.decode_head['conv_seg'].weight.shape[0] == 4


def test_a_checkpoint_that_fits_is_loaded(tmp_path: Path) -> None:
    other = saved(tmp_path)
    model = load(make(tmp_path), other, fine_tunes=False).model
    for name, value in torch.load(other)['state_dict'].items():
        assert torch.equal(model.state_dict()[name], value)


@pytest.mark.parametrize(
    ('model', 'named'),
    [
        ({'type': 'NoSuchSegmentor'}, 'NoSuchSegmentor'),
        ({'type': 'RunSegmentor', 'colour': 1}, 'colour'),
        ({'type': 'BaseSegmentor'}, 'abstract|BaseSegmentor'),
        ({'type': 'EncoderDecoder', 'decode_head': None}, 'backbone'),
    ],
)
def test_a_config_that_cannot_be_built_is_one_sentence(
    tmp_path: Path, model: dict, named: str
) -> None:
    config = make(tmp_path)
    config.model = model
    with pytest.raises(ValueError, match=named) as caught:
        build_runner(config)
    assert 'cannot be built' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_errors_with_a_message_of_their_own_stay() -> None:
    with pytest.raises(FileNotFoundError, match=r'^x$'), building(Config()):
        raise FileNotFoundError('x')


def run_folder(folder: Path) -> Path:
    folder.mkdir()
    for name in ('iter_1.pth', 'iter_2.pth'):
        (folder / name).touch()
    note = folder / 'last_checkpoint'
    note.write_text(str(folder / 'iter_2.pth'))
    return folder


def test_a_copied_work_dir_resumes_from_its_own_checkpoint(
    tmp_path: Path,
) -> None:
    original = run_folder(tmp_path / 'original')
    shutil.copytree(original, tmp_path / 'copy')
    assert latest_checkpoint(tmp_path / 'copy') == (
        tmp_path / 'copy/iter_2.pth'
    )
    assert latest_checkpoint(tmp_path / 'nowhere') is None


@pytest.mark.parametrize('text', [b'/gone/iter_9.pth', b'', b'\xff\xfe', b'.'])
def test_a_note_that_names_no_file_is_refused(
    tmp_path: Path, text: bytes
) -> None:
    folder = run_folder(tmp_path / 'run')
    (folder / 'last_checkpoint').write_bytes(text)
    with pytest.raises(ValueError, match=r'last_checkpoint.*iter_1\.pth'):
        latest_checkpoint(folder)


def test_a_work_dir_is_for_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with work_dir_lock(tmp_path):
        assert (tmp_path / '.aeroseg.lock').is_file()
    assert not (tmp_path / '.aeroseg.lock').exists()
    # The first rank holds it for all.
    monkeypatch.setenv('RANK', '1')
    with work_dir_lock(tmp_path):
        assert not (tmp_path / '.aeroseg.lock').exists()
