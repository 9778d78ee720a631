# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""mmseg's own models in the predictor."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.apis import inference_model
from mmseg.registry import MODELS

from aeroseg.apis import Predictor
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary
from aeroseg.world.classes import CLASSES


@pytest.fixture
def config(root: Path) -> Config:
    path = root / 'configs/demo/closed_set/segformer-b0_world.py'
    config = read_config(path)
    config.model.decode_head.norm_cfg.type = 'BN'
    return config


@pytest.fixture
def checkpoint(config: Config, tmp_path: Path) -> Path:
    model = MODELS.build(config.model)
    meta = {'dataset_meta': {'classes': CLASSES}}
    path = tmp_path / 'iter_1.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, path)
    return path


@pytest.fixture
def image() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)


def test_it_predicts_what_mmseg_predicts(
    config: Config, checkpoint: Path, image: np.ndarray
) -> None:
    predictor = Predictor(config, checkpoint, device='cpu')
    found = predictor.predict(image).labels
    model = predictor.model.model
    model.cfg = config
    bgr = np.ascontiguousarray(image[..., ::-1])
    config.test_pipeline = [
        {'type': 'LoadImageFromNDArray'},
        {'type': 'PackSegInputs'},
    ]
    expected = inference_model(model, bgr).pred_sem_seg.data[0].numpy()
    assert len(np.unique(expected)) > 1
    assert (found == expected).mean() > 0.999


def test_some_classes_in_another_order(
    config: Config, checkpoint: Path, image: np.ndarray
) -> None:
    predictor = Predictor(config, checkpoint, device='cpu')
    names = (CLASSES[7], CLASSES[2])
    every = predictor.predict(image, scores=True).scores
    some = predictor.predict(image, Vocabulary(names), scores=True).scores
    assert np.allclose(some, every[[7, 2]], atol=1e-6)


def test_other_words_are_refused(config: Config, checkpoint: Path) -> None:
    predictor = Predictor(config, checkpoint, device='cpu')
    image = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(ValueError, match=r"cannot be asked for \['moon'\]"):
        predictor.predict(image, f'{CLASSES[0]}; moon')
    with pytest.raises(ValueError, match='nothing to explain'):
        predictor.explain()


def test_the_classes_must_be_known(config: Config) -> None:
    with pytest.raises(ValueError, match='nothing names the classes'):
        Predictor(config)
