# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Dense features of a convolutional CLIP."""

from typing import Any

import pytest
import torch

from aeroseg.models import ConvNeXtCLIP

TINY = {
    'embed_dim': 24,
    'vision_cfg': {
        'timm_model_name': 'test_convnext',
        'timm_pool': '',
        'timm_proj': 'linear',
    },
}


def build(**changes: Any) -> ConvNeXtCLIP:
    return ConvNeXtCLIP(**{'model': TINY, **changes}).eval()


@torch.no_grad()
def test_shapes_of_the_stages() -> None:
    model = build()
    clip = model(255 * torch.rand(2, 3, 64, 96))
    assert clip.dense.shape == (2, 1, 24, 2, 3)
    shapes = [tuple(stage.shape[1:]) for stage in clip.intermediate]
    grids = [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert shapes == [
        (channels, *grid)
        for channels, grid in zip(model.stage_channels, grids, strict=True)
    ]
    assert model.embed_dims == 24


@pytest.mark.parametrize('proj', ['linear', 'mlp'])
@torch.no_grad()
def test_one_cell_is_what_open_clip_computes(proj: str) -> None:
    """With one cell, pooling changes nothing."""
    vision = {**TINY['vision_cfg'], 'timm_proj': proj}
    model = build(model={**TINY, 'vision_cfg': vision})
    image = 255 * torch.rand(2, 3, 32, 32)
    expected = model.visual((image - model.mean) / model.std)
    dense = model(image).dense
    torch.testing.assert_close(dense[:, 0, :, 0, 0], expected)


@torch.no_grad()
def test_images_of_any_size_become_the_input_size() -> None:
    model = build(input_size=(64, 96))
    assert model.stride == 1
    assert model(255 * torch.rand(1, 3, 37, 50)).dense.shape[3:] == (2, 3)


def test_a_size_off_the_grid_is_explained() -> None:
    with pytest.raises(ValueError, match=r'60 x 64 px.*size_divisor=32'):
        build()(torch.zeros(1, 3, 60, 64))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'trainable': 'qv'}, "allowed are 'all' and 'none'"),
        ({'input_size': (100, 100)}, 'multiples of 32 px'),
        ({'input_size': (64,)}, r'give \(height, width\)'),
        ({'model': 'ViT-B-16'}, 'a ConvNeXt is needed'),
    ],
)
def test_bad_arguments(changes: dict, message: str) -> None:
    with torch.device('meta'), pytest.raises(ValueError, match=message):
        build(**changes)


def test_what_is_trained() -> None:
    image = 255 * torch.rand(1, 3, 32, 32)
    for trainable in ('all', 'none'):
        model = build(trainable=trainable).train()
        wanted = trainable == 'all'
        assert all(p.requires_grad == wanted for p in model.parameters())
    model = build().train()
    model(image).dense.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_recomputing_changes_no_gradient() -> None:
    plain, again = build().train(), build(with_cp=True).train()
    again.load_state_dict(plain.state_dict())
    image = 255 * torch.rand(1, 3, 64, 64)
    for model in (plain, again):
        model(image).dense.square().sum().backward()
    for one, two in zip(plain.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad)
