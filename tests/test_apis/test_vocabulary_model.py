# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable

import torch

from aeroseg.apis.vocabulary_model import VocabularyModel
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
