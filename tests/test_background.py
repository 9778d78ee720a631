# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The best class and the background rule, against their plain forms."""

import pytest
import torch

from aeroseg.background import best_class, decide, merge_background


@pytest.mark.parametrize('size', [1, 4, 5, 20])
def test_equals_the_maximum_over_all(size: int) -> None:
    logits = torch.randn(9, 6, 7, dtype=torch.double)
    best, label = best_class(iter(logits.split(size)))
    expected = logits.max(dim=0)
    assert torch.equal(best, expected.values)
    assert torch.equal(label, expected.indices)


def test_the_first_of_equals_wins() -> None:
    _, label = best_class(torch.zeros(5, 2, 2).split(2))
    assert torch.all(label == 0)


def test_many_classes_have_wide_ids() -> None:
    scores = torch.zeros(300, 2, 2)
    scores[299, 0, 0], scores[255, 1, 1] = 1, 1
    _, label = best_class(scores.split(100))
    assert label.tolist() == [[299, 0], [0, 255]]


def test_no_map_is_refused() -> None:
    with pytest.raises(ValueError, match='at least one'):
        best_class([])


@pytest.mark.parametrize('threshold', [None, 0.5, 0.9])
def test_logits_and_merged_probabilities_decide_alike(
    threshold: float | None,
) -> None:
    logits = torch.randn(7, 8, 9, dtype=torch.double)
    label = decide(logits.split(2), 5, 255, threshold, torch.sigmoid)
    best, plain = logits.sigmoid().max(dim=0)
    plain[(plain >= 5) | (best < (threshold or 0))] = 255
    assert torch.equal(label.long(), plain)
    merged = merge_background(logits.sigmoid()[None], 5, 5)[0]
    own = decide([merged], 5, 5, threshold)
    assert torch.equal(torch.where(own == 5, 255, own.long()), plain)


def test_without_a_rule_every_pixel_has_a_class() -> None:
    assert int(decide([torch.zeros(3, 2, 2)], 3).max()) < 3
