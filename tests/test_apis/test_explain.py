# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import normalize

from aeroseg.apis.explain import Explanation, Pair, explain
from aeroseg.vocabulary import Vocabulary


def test_prompts_and_pairs_are_those_of_the_encoder(
    build_tiny: Callable,
) -> None:
    encoder = build_tiny().text_encoder
    words = Vocabulary.parse('grass, lawn; road; water', contrast=('sky',))
    found = explain(encoder, words)
    assert found.prompts['grass'][4] == 'A satellite image of a lawn'
    assert len(found.prompts['grass']) == 8
    assert len(found.prompts['road']) == 4
    assert found.contrast == ('sky',)
    assert len(found.pairs) == 3
    values = [pair.similarity for pair in found.pairs]
    assert values == sorted(values, reverse=True)
    with torch.no_grad():
        mean = normalize(encoder(words.queries).mean(dim=1), dim=-1)
    pair = next(p for p in found.pairs if p[:2] == ('grass', 'water'))
    assert pair.similarity == pytest.approx(float(mean[0] @ mean[2]), abs=1e-6)


def test_one_class_has_no_pair(build_tiny: Callable) -> None:
    found = explain(build_tiny().text_encoder, Vocabulary(('road',)))
    assert found.pairs == ()
    assert 'similar' not in found.text()


def test_text_marks_what_is_hardly_told_apart() -> None:
    pairs = (Pair('grass', 'lawn', 0.97), Pair('grass', 'car', 0.7))
    text = Explanation({'grass': ('A grass',)}, ('sky',), pairs).text()
    assert '"A grass"' in text
    assert 'background: sky' in text
    marked = [line for line in text.splitlines() if 'hardly' in line]
    assert marked == ['  0.970  grass / lawn  hardly told apart']
