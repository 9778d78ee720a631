# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Correlation of a word and features, as the model computes them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from aeroseg.apis import Predictor
from aeroseg.apis.inner_maps import feature_maps, word_correlation
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

Files = dict[str, Path]
WORDS = 'building, house; road; water'


@pytest.fixture(scope='module')
def predictor(tiny_files: Files) -> Predictor:
    return Predictor(**tiny_files, device='cpu')


def test_correlation_is_that_of_the_parts(
    predictor: Predictor, pixels: np.ndarray
) -> None:
    image = pixels[:64, :64]
    found = word_correlation(predictor, image, 'House', WORDS)
    assert (found.image == image).all()
    assert found.before.shape == found.after.shape == (64, 64)
    model = predictor.model
    model.set_vocabulary(Vocabulary.parse(WORDS))
    batch = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float()
    with torch.no_grad():
        features = model.extract_feat(batch)
        text = normalize(
            model.text_encoder(model.vocabulary.queries)[0], dim=1
        )
    views = normalize(features.clip.dense[0], dim=1)
    cosine = torch.einsum('pc,rchw->rphw', text, views).mean(dim=(0, 1))
    length = features.refined[0, 0].square().sum(dim=0).sqrt()
    # Enlarging keeps the mean of cells of equal size.
    assert found.before.mean() == pytest.approx(float(cosine.mean()), abs=1e-5)
    assert found.after.mean() == pytest.approx(float(length.mean()), rel=1e-4)
    assert np.abs(found.before).max() <= 1


def test_any_image_size(predictor: Predictor, pixels: np.ndarray) -> None:
    image = pixels[:70, :41]
    found = word_correlation(predictor, image, 'road', WORDS)
    assert found.before.shape == found.after.shape == (70, 41)
    stride = predictor.model.stride
    maps = feature_maps(predictor, image)
    assert maps.cells == (70 / stride, 41 / stride)
    cells = (-(-70 // stride), -(-41 // stride))
    assert maps.clip.shape[1:] == maps.guidance.shape[1:] == cells
    channels = predictor.model.guidance_encoder.out_channels[-1]
    assert len(maps.guidance) == channels


def test_what_cannot_be_drawn_is_refused(
    predictor: Predictor, pixels: np.ndarray, root: Path
) -> None:
    with pytest.raises(ValueError, match="'ship' is none of the classes"):
        word_correlation(predictor, pixels, 'ship', WORDS)
    large = np.zeros((40, 129, 3), np.uint8)
    with pytest.raises(ValueError, match=r'129 x 40 px; .* at most 128 px'):
        word_correlation(predictor, large, 'road', WORDS)
    folder = root / 'configs/demo/training_free'
    plain = Predictor(read_config(folder / 'maskclip_world.py'), device='cpu')
    for call in (
        lambda: word_correlation(plain, pixels, 'road', WORDS),
        lambda: feature_maps(plain, pixels),
    ):
        with pytest.raises(ValueError, match='Segmentor has no correlation'):
            call()
