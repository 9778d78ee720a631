# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/base.py."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aeroseg.models.guidance import GuidanceEncoder
from aeroseg.models.guidance.base import Features


class Means(GuidanceEncoder):
    """The mean of each patch, times a weight."""

    out_channels = (3, 3, 3)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.weight = nn.Parameter(torch.ones(()))
        self.seen = torch.empty(0)
        if self.frozen:
            self._freeze()

    def encode(self, image: Tensor, clip: object) -> Features:
        self.seen = image
        features = nn.functional.avg_pool2d(image, self.patch_size)
        return (features * self.weight,) * 3


def test_normalises_in_the_image_range() -> None:
    encoder = Means(mean=(10.0, 20.0, 30.0), std=(1.0, 2.0, 3.0))
    image = torch.tensor([11.0, 24.0, 39.0]).view(1, 3, 1, 1)
    features = encoder(image.expand(2, 3, 32, 16))
    assert features[0].shape == (2, 3, 2, 1)
    expected = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(features[0], expected.expand(2, 3, 2, 1))


@pytest.mark.parametrize(('stride', 'patch'), [(14, 16), (16, 8), (16, 16)])
def test_resizes_to_its_own_patches(stride: int, patch: int) -> None:
    encoder = Means(stride=stride, patch_size=patch)
    image = torch.rand(1, 3, 5 * stride, 3 * stride)
    features = encoder(image)
    assert encoder.seen.shape == (1, 3, 5 * patch, 3 * patch)
    assert all(x.shape == (1, 3, 5, 3) for x in features)


def test_frozen_is_a_constant() -> None:
    encoder = Means(frozen=True)
    encoder.train()
    assert not encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())
    features = encoder(torch.rand(1, 3, 16, 16, requires_grad=True))
    assert not any(x.requires_grad for x in features)


def test_trained_records_gradients_unless_switched_off() -> None:
    encoder = Means(frozen=False)
    encoder.train()
    assert encoder.training
    image = torch.rand(1, 3, 16, 16)
    assert encoder(image)[0].requires_grad
    with torch.no_grad():
        assert not encoder(image)[0].requires_grad


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((1, 4, 16, 16), r'RGB images as \(B, 3, H, W\)'),
        ((3, 16, 16), r'RGB images as \(B, 3, H, W\)'),
        ((1, 3, 16, 20), 'multiples of its stride, 16 px; got 16 x 20'),
    ],
)
def test_refuses_images_it_cannot_take(
    shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Means()(torch.rand(shape))


def test_refuses_an_empty_stride() -> None:
    with pytest.raises(ValueError, match='stride=0'):
        Means(stride=0)
