# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/sam2.py."""

import pytest
import timm
import torch
from torch import nn

from aeroseg.models.guidance import SAM2Guidance

SMALL = {
    'embed_dim': 8,
    'stages': (1, 2, 2, 1),
    'num_heads': 1,
    'global_att_blocks': (4,),
}


def randomised(**kwargs: object) -> SAM2Guidance:
    encoder = SAM2Guidance(SMALL, **kwargs)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.2)
    return encoder


def test_maps_are_means_of_timms() -> None:
    encoder = randomised()
    image = torch.rand(2, 3, 64, 96) * 255
    whole = timm.create_model('sam2_hiera_tiny', num_classes=0, **SMALL)
    state = {**whole.state_dict(), **encoder.encoder.model.state_dict()}
    whole.load_state_dict(state)
    with torch.no_grad():
        maps = whole.eval().forward_intermediates(
            (image - encoder.mean) / encoder.std, intermediates_only=True
        )
    features = encoder(image)
    for index, factor in enumerate((4, 2, 1)):
        expected = nn.functional.avg_pool2d(maps[index], factor)
        torch.testing.assert_close(
            features[index], expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize('size', [(16, 16), (48, 80), (64, 32)])
def test_any_multiple_of_the_stride(size: tuple[int, int]) -> None:
    encoder = randomised()
    features = encoder(torch.rand(1, 3, *size) * 255)
    grid = (size[0] // 16, size[1] // 16)
    for feature, channels in zip(features, encoder.out_channels, strict=True):
        assert feature.shape == (1, channels, *grid)


def test_batch_of_two_equals_two_batches() -> None:
    encoder = randomised()
    image = torch.rand(2, 3, 48, 64) * 255
    both = encoder(image)
    for index in range(2):
        single = encoder(image[index : index + 1])
        for a, b in zip(both, single, strict=True):
            torch.testing.assert_close(a[index : index + 1], b)


def test_frozen_is_a_constant() -> None:
    encoder = randomised(frozen=True)
    encoder.train()
    assert not encoder.encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())


def test_fine_tuning_reaches_every_parameter() -> None:
    encoder = randomised(frozen=False)
    features = encoder(torch.rand(1, 3, 64, 64) * 255)
    sum(x.square().sum() for x in features).backward()
    unused = [n for n, p in encoder.named_parameters() if p.grad is None]
    assert unused == []


@pytest.mark.parametrize(
    ('model', 'channels'),
    [
        ('sam2_hiera_base_plus.fb_r896', (112, 224, 448)),
        ('sam2_hiera_base_plus.fb_r896_2pt1', (112, 224, 448)),
        ('sam2_hiera_tiny', (96, 192, 384)),
    ],
)
def test_official_sizes(model: str, channels: tuple[int, int, int]) -> None:
    assert SAM2Guidance(model).out_channels == channels


def test_refuses_an_unknown_model() -> None:
    with pytest.raises(ValueError, match="'sam2_hiera_base_plus'"):
        SAM2Guidance('resnet50')
