# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Every config of the repository: it parses, builds and is kept tidy.

Those of closed-set and training-free models are in files of their own.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, TRANSFORMS
from read_once import read_once

from aeroseg.models import OpenVocabSegmentor
from aeroseg.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / 'configs').rglob('*.py')
    if not {'_base_', 'closed_set', 'training_free'} & set(path.parts)
)


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # paths in configs start at the checkout
    init_default_scope('mmseg')


@pytest.fixture(params=LEAVES)
def config(request: pytest.FixtureRequest) -> Config:
    return read_once(request.param)


def trained_on(config: Config) -> str:
    """Cross-dataset tests train on every class of one dataset."""
    return 'all' if 'cross' in Path(config.filename).parts else 'seen'


def pipelines(config: Config) -> list[list[dict[str, Any]]]:
    names = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    return [config[name].dataset.pipeline for name in names]


def test_everything_it_names_is_registered(config: Config) -> None:
    for pipeline in pipelines(config):
        for transform in pipeline:
            assert TRANSFORMS.get(transform['type']), transform
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert DATASETS.get(config[loader].dataset.type)
    assert METRICS.get(config.test_evaluator.type)
    for hook in config.custom_hooks:
        assert HOOKS.get(hook['type']), hook
    assert config.custom_imports.imports == ['aeroseg']


def test_no_class_name_is_typed_in(config: Config) -> None:
    assert config.train_dataloader.dataset.classes == trained_on(config)
    assert config.val_dataloader.dataset.classes == 'all'
    assert config.test_dataloader.dataset.classes == 'all'
    assert 'names' not in config.model.get('vocabulary', {})


def test_the_vocabulary_is_that_of_the_training_data(config: Config) -> None:
    if not config.model.get('vocabulary'):
        assert not config.model.get('auxiliary_head')  # which needs one
        return
    vocabulary = Vocabulary.build(config.model.vocabulary)
    dataset = DATASETS.get(config.train_dataloader.dataset.type)
    if trained_on(config) == 'all':
        assert vocabulary.names == tuple(dataset.METAINFO['classes'])
        return
    assert vocabulary.seen is None or all(vocabulary.seen)
    if dataset.METAINFO:
        assert vocabulary.names == tuple(dataset.METAINFO['seen_classes'])


def test_cross_dataset_training_knows_every_class(config: Config) -> None:
    world = config.train_dataloader.dataset.type == 'WorldDataset'
    if trained_on(config) == 'all' and not world:
        for part in ('train', 'val', 'test'):
            dataset = config[f'{part}_dataloader'].dataset
            assert dataset.metainfo == {'seen_classes': 'all'}
        assert config.train_dataloader.batch_size == 8
        assert config.train_cfg.max_iters == 30000


def test_both_lengths_agree(config: Config) -> None:
    schedule = config.param_scheduler
    if isinstance(schedule, list):  # the last one ends the training
        schedule = schedule[-1]
    end = schedule.get('T_max', schedule.get('end'))
    assert end == config.train_cfg.max_iters


def _model_of(leaf: str) -> str:
    """The path of a config without its dataset and number of iterations."""
    return re.sub(r'-\d+k_|isaid|dlrsd|openearthmap', '', leaf)


def _first(leaf: str) -> str:
    """The config of the same model that is built: that for iSAID."""
    same = [x for x in LEAVES if _model_of(x) == _model_of(leaf)]
    return next((x for x in same if 'isaid' in x), same[0])


def _is_built(leaf: str) -> bool:
    return _first(leaf) == leaf


@pytest.mark.parametrize(
    'leaf', [leaf for leaf in LEAVES if not _is_built(leaf)]
)
def test_the_model_is_that_of_the_config_that_is_built(leaf: str) -> None:
    config, first = read_once(leaf), read_once(_first(leaf))
    for part in (config.model, first.model):
        part.pop('vocabulary', None)
    assert config.model == first.model
    assert config.optim_wrapper == first.optim_wrapper


@pytest.mark.parametrize('config', filter(_is_built, LEAVES), indirect=True)
def test_it_builds_and_every_trained_parameter_is_optimised(
    config: Config,
) -> None:
    with torch.device(_device(config)):
        model = MODELS.build(config.model)
    assert isinstance(model, OpenVocabSegmentor)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    grouped = [
        parameter
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
        if parameter.requires_grad
    ]
    trained = [p for p in model.parameters() if p.requires_grad]
    assert len(grouped) == len(trained)


def _device(config: Config) -> str:
    """Without memory, except for mmseg's Swin, which reads its own sizes."""
    return 'cpu' if config.model.type == 'SCAN' else 'meta'


def test_both_towers_are_of_one_model(config: Config) -> None:
    model = config.model
    image = model.get('clip', model.backbone)  # SCAN's backbone is no CLIP
    assert image.model == model.text_encoder.model
    assert image.get('init_cfg') == model.text_encoder.get('init_cfg')
