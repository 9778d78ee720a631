# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The best class, part by part, against the maximum over all."""

import pytest
import torch

from aeroseg.models.segmentors.best_class import best_class


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
