# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aeroseg.apis.load_model import build_model
from aeroseg.apis.vocabulary_model import ClosedSetModel, VocabularyModel
from aeroseg.models.features import map_tensors, split_images
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary


def test_probabilities_of_the_words_with_contrast_merged(
    build_tiny: Callable,
) -> None:
    model, images = build_tiny(), 255 * torch.rand(2, 3, 64, 64)
    words = Vocabulary.parse('road; tree', contrast=('sky', 'sea'))
    asked = VocabularyModel(model, words)
    assert asked.scheme.vocabulary is words
    with torch.no_grad():
        scores = asked.predict_scores(images)
        model.set_vocabulary(Vocabulary.parse('road; tree; sky; sea'))
        raw = model.class_logits(images).sigmoid()
    background = raw[:, 2:].amax(dim=1, keepdim=True)
    expected = torch.cat([raw[:, :2], background], dim=1)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-6)


def test_the_words_hold_whatever_the_model_was_asked_since(
    build_tiny: Callable,
) -> None:
    model, images = build_tiny(), 255 * torch.rand(1, 3, 64, 64)
    asked = VocabularyModel(model, Vocabulary(('road', 'tree')))
    with torch.no_grad():
        before = asked.predict_scores(images)
        model.set_vocabulary(Vocabulary(('car', 'ship', 'sky')))
        assert torch.equal(asked.predict_scores(images), before)


def test_bfloat16_is_a_switch(build_tiny: Callable) -> None:
    model, images = build_tiny(), 255 * torch.rand(1, 3, 64, 64)
    words = Vocabulary(('road', 'tree'))
    with torch.no_grad():
        exact = VocabularyModel(model, words).predict_scores(images)
        fast = VocabularyModel(model, words, amp=True).predict_scores(images)
    assert fast.dtype == torch.float32
    assert not torch.equal(fast, exact)
    torch.testing.assert_close(fast, exact, rtol=0, atol=0.03)


@pytest.mark.parametrize(
    'name',
    [
        'aeroseg',
        'cat-seg',
        'systems/sed',
        'systems/san',
        'systems/scan',
        'training_free/segearth-ov',
        'training_free/proxyclip',
        'closed_set/segformer-b0',
    ],
)
def test_other_words_reuse_what_was_seen_in_the_images(
    root: Path, name: str
) -> None:
    config = read_config(root / f'configs/demo/{name}_world.py')
    model: Any = build_model(config)
    trained = Vocabulary(('road', 'tree', 'water', 'car', 'roof', 'field'))
    if 'closed' in name:
        model = ClosedSetModel(model, trained)
    first = VocabularyModel(model, Vocabulary(('road', 'tree', 'water')))
    words = Vocabulary.parse('tree; field', contrast=('car',))
    second = VocabularyModel(model, words)
    images = 255 * torch.rand(2, 3, 60, 70)
    with torch.no_grad():
        seen = first.image_features(images)
        parts = split_images(seen)
        again = map_tensors(lambda *each: torch.cat(each), *parts)
        scores = second.scores_of(again, images.shape[2:])
        expected = second.predict_scores(images)
    # Another memory layout can change the last digit.
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-6)
