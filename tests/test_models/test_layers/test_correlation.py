# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cosine similarity of views and prompts."""

import torch
import torch.nn.functional as F

from aeroseg.models.layers.correlation import correlate


def test_equals_the_definition() -> None:
    dense = torch.randn(2, 3, 5, 4, 6, dtype=torch.double)
    text = torch.randn(7, 2, 5, dtype=torch.double)
    maps = correlate(dense, text)
    assert maps.shape == (2, 7, 6, 4, 6)
    for r in range(3):
        for p in range(2):
            expected = F.cosine_similarity(
                dense[:, None, r],
                text[None, :, p, :, None, None],
                dim=2,
            )
            torch.testing.assert_close(maps[:, :, 2 * r + p], expected)


def test_scale_does_not_matter() -> None:
    dense, text = torch.randn(1, 1, 5, 2, 2), torch.randn(2, 1, 5)
    torch.testing.assert_close(
        correlate(9 * dense, 0.1 * text), correlate(dense, text)
    )
