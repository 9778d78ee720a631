# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Windows and a global view."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from aeroseg.models.slide_global import slide_global


def first_channel(images: Tensor) -> Tensor:
    return images[:, :1]


def test_equals_the_published_recipe() -> None:
    """unfold / fold as in the published code: 640 px, 384 windows."""
    images = torch.randn(1, 1, 20, 20, dtype=torch.double)
    kernel, stride, size = 12, 8, (20, 20)
    unfold = torch.nn.Unfold(kernel, stride=stride)
    fold = torch.nn.Fold(size, kernel, stride=stride)
    windows = unfold(images).sigmoid()
    count = fold(unfold(torch.ones_like(images)))
    glob = F.interpolate(images, (kernel, kernel), mode='bilinear')
    glob = F.interpolate(glob.sigmoid(), size, mode='bilinear')
    expected = (fold(windows) / count + glob) / 2
    actual = slide_global(
        first_channel, images, (kernel, kernel), (stride, stride)
    )
    torch.testing.assert_close(actual.sigmoid(), expected)


@pytest.mark.parametrize('size', [(5, 9), (12, 30), (13, 25), (6, 40)])
def test_any_size_is_covered(size: tuple[int, int]) -> None:
    images = torch.full((2, 3, *size), 0.7)
    logits = slide_global(first_channel, images, (12, 12), (8, 8))
    torch.testing.assert_close(logits, images[:, :1], rtol=1e-4, atol=1e-4)


def test_probabilities_are_resized_not_logits() -> None:
    images = 8 * torch.randn(1, 1, 16, 16, dtype=torch.double)
    arguments = (first_channel, images, (8, 8), (8, 8))
    mean = slide_global(*arguments).sigmoid()
    expected = F.interpolate(mean, (6, 6), mode='bilinear')
    actual = slide_global(*arguments, out_size=(6, 6)).sigmoid()
    torch.testing.assert_close(actual, expected)


def test_improbable_classes_do_not_tie() -> None:
    images = torch.tensor([-20.0, -30.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    logits = slide_global(first_channel, images, (8, 8), (8, 8))
    torch.testing.assert_close(logits, images[:, :1], rtol=1e-4, atol=0)
