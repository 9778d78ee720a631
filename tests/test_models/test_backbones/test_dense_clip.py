# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from typing import Any

import pytest
import torch

from aeroseg.models import DenseCLIP
from aeroseg.models.layers.clip_towers import run_block

CLIP: dict[str, Any] = {
    'embed_dim': 8,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 8,
        'width': 16,
        'layers': 2,
        'head_width': 8,
    },
    'text_cfg': {'width': 8, 'heads': 1, 'layers': 1},
}


def test_the_plain_tower_is_clip_s_own() -> None:
    """Its class token is CLIP's embedding of the image."""
    backbone = DenseCLIP(CLIP, 'vanilla', True, stride=8).eval()
    image = 255 * torch.rand(2, 3, 32, 32)
    features = backbone(image)
    assert features.patches.shape == (2, 8, 4, 4)
    visual = backbone.visual
    x = visual.conv1(features.image).flatten(2).transpose(1, 2)
    token = visual.class_embedding.expand(2, 1, -1)
    x = torch.cat([token, x], dim=1) + visual.positional_embedding
    x = visual.ln_pre(x)
    for block in visual.transformer.resblocks:
        x = run_block(block, x)
    expected = visual.ln_post(x[:, 0]) @ visual.proj
    torch.testing.assert_close(features.token, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('size', [(16, 16), (48, 80)])
def test_any_size_and_another_scale(size: tuple[int, int]) -> None:
    features = DenseCLIP(CLIP, stride=16)(torch.rand(1, 3, *size))
    grid = size[0] // 16, size[1] // 16
    assert features.patches.shape == (1, 8, *grid)
    assert features.image.shape == (1, 3, 8 * grid[0], 8 * grid[1])


def test_the_grid_of_the_proxy() -> None:
    backbone = DenseCLIP(CLIP, 'proxy', stride=8)
    proxy = torch.rand(1, 5, 6, 10)
    features = backbone(torch.rand(1, 3, 24, 40), proxy)
    assert features.patches.shape == (1, 8, 6, 10)
    assert features.token is None
    with pytest.raises(ValueError, match='with no proxy map'):
        backbone(torch.rand(1, 3, 24, 40))
    with pytest.raises(ValueError, match='with a proxy map'):
        DenseCLIP(CLIP, stride=8)(torch.rand(1, 3, 24, 40), proxy)


def test_nothing_is_trained() -> None:
    backbone = DenseCLIP(CLIP)
    assert not any(p.requires_grad for p in backbone.parameters())


@pytest.mark.parametrize('model', ['RN50', 'convnext_base'])
def test_a_clip_without_this_attention_is_refused(model: str) -> None:
    with (
        torch.device('meta'),
        pytest.raises(ValueError, match="choose one, such as 'ViT-B-16"),
    ):
        DenseCLIP(model)


def test_wrong_switches() -> None:
    with pytest.raises(ValueError, match=r"allowed are .*'segearth'"):
        DenseCLIP(CLIP, 'gem')
    with pytest.raises(ValueError, match='set residual=False'):
        DenseCLIP(CLIP, 'proxy', residual=True)
