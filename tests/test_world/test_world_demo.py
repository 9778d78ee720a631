# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Training on seen classes must lift unseen ones; broken parts must show."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from aeroseg.evaluation.scores import UNSEEN, open_vocab_means
from aeroseg.models import AerOSeg
from aeroseg.models.backbones import CLIPFeatures
from aeroseg.vocabulary import Vocabulary
from aeroseg.world import WorldDataset, make_scene

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY = Vocabulary.from_metainfo(WorldDataset.METAINFO)
STEPS = 120
FLOOR = 51.0  # percent u-mIoU; seen: 57.4, broken 0.0, 32.0 and 43.2


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> AerOSeg:
    torch.manual_seed(0)
    config = Config.fromfile(ROOT / 'configs/demo/aeroseg_world.py')
    config.work_dir = str(tmp_path_factory.mktemp('demo'))
    config.randomness = {'seed': 0}
    config.train_cfg.max_iters = config.param_scheduler.T_max = STEPS
    config.train_dataloader.num_workers = 0
    config.train_dataloader.persistent_workers = False
    config.default_hooks.checkpoint.interval = STEPS
    for part in ('cfg', 'dataloader', 'evaluator'):
        config[f'val_{part}'] = None
    runner = Runner.from_cfg(config)
    runner.train()
    model = runner.model.eval()
    model.set_vocabulary(VOCABULARY)
    return model


@pytest.fixture(scope='module')
def scenes() -> tuple[Tensor, np.ndarray]:
    made = [make_scene(index, 3) for index in range(40)]
    images = torch.from_numpy(np.stack([scene.image for scene in made]))
    truth = np.stack([scene.label for scene in made]).astype(np.int64)
    return images.permute(0, 3, 1, 2).float(), truth


@torch.no_grad()
def unseen_score(model: AerOSeg, scenes: tuple[Tensor, np.ndarray]) -> float:
    images, truth = scenes
    found = [model.class_logits(x).argmax(1) for x in images.split(10)]
    size = len(VOCABULARY)
    pairs = truth * size + torch.cat(found).numpy()
    count = np.bincount(pairs.ravel(), minlength=size**2).reshape(size, size)
    hit = np.diag(count)
    iou = 100 * hit / (count.sum(0) + count.sum(1) - hit)
    return open_vocab_means(iou, VOCABULARY.seen)[UNSEEN]


@contextmanager
def output_of(part: torch.nn.Module, change: object) -> Iterator[None]:
    """Pass what a part returns through ``change``."""
    handle = part.register_forward_hook(lambda _, __, out: change(out))
    try:
        yield
    finally:
        handle.remove()


def test_the_trained_model_names_what_it_never_saw(
    model: AerOSeg, scenes: tuple[Tensor, np.ndarray]
) -> None:
    assert unseen_score(model, scenes) > FLOOR


def test_a_broken_text_path_misses_the_floor(
    model: AerOSeg, scenes: tuple[Tensor, np.ndarray]
) -> None:
    """Every class under the words of its neighbour."""
    with output_of(model.text_encoder, lambda out: out.roll(1, dims=0)):
        assert unseen_score(model, scenes) < FLOOR - 4


def test_views_turned_back_the_wrong_way_miss_the_floor(
    model: AerOSeg, scenes: tuple[Tensor, np.ndarray]
) -> None:
    """The wrong sign leaves the views of 90 and 270 degrees upside down."""

    def wrong_sign(out: CLIPFeatures) -> CLIPFeatures:
        dense = out.dense.clone()
        dense[:, 1::2] = dense[:, 1::2].rot90(2, dims=(3, 4))
        return out._replace(dense=dense)

    with output_of(model.backbone, wrong_sign):
        assert unseen_score(model, scenes) < FLOOR - 4


def test_guidance_of_another_image_misses_the_floor(
    model: AerOSeg, scenes: tuple[Tensor, np.ndarray]
) -> None:
    """What repeating it in the wrong order does to a batch."""

    def swapped(out: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(feature.roll(1, dims=0) for feature in out)

    with output_of(model.guidance_encoder, swapped):
        assert unseen_score(model, scenes) < FLOOR - 4
