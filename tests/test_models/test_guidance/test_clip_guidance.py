# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/clip.py."""

from types import SimpleNamespace

import pytest
import torch

from aeroseg.models.backbones.rotated_clip import CLIPFeatures
from aeroseg.models.guidance import CLIPGuidance


def features(maps: int = 2, upright: int = 0) -> CLIPFeatures:
    intermediate = tuple(torch.rand(2, 6, 4, 4) for _ in range(maps))
    return CLIPFeatures(torch.rand(2, 3, 5, 4, 4), intermediate, upright)


def test_hands_over_the_upright_maps() -> None:
    clip = features(upright=1)
    first, second, third = CLIPGuidance()(torch.rand(2, 3, 64, 64), clip)
    assert first is clip.intermediate[0]
    assert second is clip.intermediate[1]
    assert torch.equal(third, clip.dense[:, 1])


def test_channels_come_from_the_backbone() -> None:
    guidance = CLIPGuidance()
    guidance.bind(SimpleNamespace(hidden_dims=6, embed_dims=5))
    assert guidance.out_channels == (6, 6, 5)


def test_lets_gradients_into_clip() -> None:
    clip = features()
    clip.dense.requires_grad_(True)
    CLIPGuidance()(torch.rand(2, 3, 64, 64), clip)[2].sum().backward()
    assert clip.dense.grad[:, 0].eq(1).all()
    assert clip.dense.grad[:, 1:].eq(0).all()


def test_has_no_parameter() -> None:
    assert not list(CLIPGuidance().parameters())


@pytest.mark.parametrize('clip', [None, features(maps=1)])
def test_needs_two_intermediate_maps(clip: CLIPFeatures | None) -> None:
    with pytest.raises(ValueError, match='two intermediate maps'):
        CLIPGuidance()(torch.rand(2, 3, 64, 64), clip)
