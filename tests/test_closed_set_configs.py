# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The configs of mmseg's own models: right ids, right heads, one schedule."""

import copy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import DATASETS, MODELS
from read_once import read_once

from aeroseg.engine.closed_set import check_config, is_closed_set
from aeroseg.read_config import read_config

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / 'configs').rglob('closed_set/*.py')
)
ONE_OF_EACH = [leaf for leaf in LEAVES if 'isaid' in leaf or 'demo' in leaf]
# Millions of parameters with the heads of 15 (iSAID) or 19 classes (world).
SIZES = {
    'segformer_mit-b0': 3.72,
    'segformer_mit-b2': 24.73,
    'deeplabv3plus_r50': 43.59,
    'upernet_convnext-t': 60.13,
    'segformer-b0_world': 3.72,
    'segformer-b0-all_world': 3.72,
    'deeplabv3plus-r18_world': 12.47,
}


@pytest.fixture(params=LEAVES)
def config(request: pytest.FixtureRequest) -> Config:
    return read_config(read_once(request.param))


def test_there_are_four_models_for_each_dataset_and_two_in_the_world() -> None:
    assert len(LEAVES) == 15  # one of the world twice: the upper bound


def test_seen_labels_keep_the_ids_of_all_classes(config: Config) -> None:
    check_config(config)
    train = config.train_dataloader.dataset
    bound = config.filename.endswith('-all_world.py')
    assert train.classes == 'all'
    assert train.labels == ('all' if bound else 'seen')
    for loader in (config.val_dataloader, config.test_dataloader):
        assert loader.dataset.classes == 'all'
        assert 'labels' not in loader.dataset
    dataset = DATASETS.build({**train, 'lazy_init': True})
    which = 'classes' if bound else 'seen_classes'
    assert set(dataset.labelled) == set(dataset.metainfo[which])


def test_every_head_has_an_output_per_class(config: Config) -> None:
    dataset = DATASETS.get(config.train_dataloader.dataset.type)
    names = dataset.METAINFO['classes']
    heads = [config.model.decode_head, config.model.get('auxiliary_head')]
    for head in filter(None, heads):
        assert head.num_classes == len(names)
        assert head.loss_decode.avg_non_ignore


def test_the_schedule_ends_with_the_training(config: Config) -> None:
    schedule = config.param_scheduler
    last = schedule[-1] if isinstance(schedule, list) else schedule
    end = last.get('end', last.get('T_max'))
    assert end == config.train_cfg.max_iters
    if 'demo' not in config.filename:
        assert end == 80000
        assert config.train_dataloader.batch_size == 4


@pytest.mark.parametrize('leaf', ONE_OF_EACH)
def test_it_builds_and_predicts(leaf: str) -> None:
    config = read_config(ROOT / leaf)
    settings = copy.deepcopy(config.model)
    model = MODELS.build(settings)
    assert is_closed_set(type(model))
    size = sum(p.numel() for p in model.parameters()) / 1e6
    name = Path(leaf).stem.split('_1xb4')[0]
    assert round(size, 2) == pytest.approx(SIZES[name], abs=0.02)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    grouped = sum(len(g['params']) for g in wrapper.optimizer.param_groups)
    assert grouped == len([p for p in model.parameters() if p.requires_grad])
    classes = config.model.decode_head.num_classes
    with torch.no_grad():
        logits = model.eval()(torch.rand(1, 3, 64, 64), mode='tensor')
    assert logits.shape[:2] == (1, classes)
