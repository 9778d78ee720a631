# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The configs of training-free methods: they build and train nothing."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from read_once import read_once

from aeroseg.apis.training_free import training_free_config
from aeroseg.models import TrainingFreeSegmentor

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / 'configs').rglob('training_free/*.py')
)
METHODS = {  # attention, residual, class token's share
    'dense-clip': ('vanilla', True, 0),
    'maskclip': ('maskclip', True, 0),
    'sclip': ('sclip', True, 0),
    'clearclip': ('clearclip', False, 0),
    'proxyclip': ('proxy', False, 0),
    'segearth-ov': ('segearth', False, -0.3),
}


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    init_default_scope('mmseg')


@pytest.fixture(params=LEAVES)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_six_methods_on_three_datasets_and_in_the_world() -> None:
    assert len(LEAVES) == len(METHODS) * 4


def test_it_builds_as_the_method_it_names(path: Path) -> None:
    config = read_once(path)
    with torch.device('meta'):
        model = MODELS.build(config.model)
    assert isinstance(model, TrainingFreeSegmentor)
    method = path.stem.partition('_')[0]
    backbone = model.backbone
    found = backbone.attention, backbone.residual, model.global_bias
    assert found == METHODS[method]
    in_world = 'demo' in path.parts
    upsampled = method == 'segearth-ov' and not in_world
    assert (model.upsampler is not None) == upsampled
    assert not any(p.requires_grad for p in model.parameters())
    assert config.model.backbone.model == config.model.text_encoder.model


def test_it_scores_all_classes_and_trains_on_nothing(path: Path) -> None:
    config = read_once(path)
    assert config.test_dataloader.dataset.classes == 'all'
    assert DATASETS.get(config.test_dataloader.dataset.type)
    assert config.train_dataloader is None
    assert config.val_dataloader is None
    assert 'vocabulary' not in config.model


def test_the_model_without_a_checkpoint_is_that_of_a_config() -> None:
    """Built from code, since configs are not part of the package."""
    packaged = MODELS.build(training_free_config().model)
    file = ROOT / 'configs/training_free/segearth-ov_vit-b16_isaid.py'
    config = read_once(file)
    config.model.upsampler = None
    model = MODELS.build(config.model)
    for name in ('global_bias', 'logit_scale', 'synonyms', 'threshold'):
        assert getattr(packaged, name) == getattr(model, name)
    for name in ('attention', 'residual', 'stride', 'position_offset'):
        assert getattr(packaged.backbone, name) == getattr(
            model.backbone, name
        )
    encoder = packaged.text_encoder
    assert encoder.templates == model.text_encoder.templates
    assert len(encoder.templates) == 80
