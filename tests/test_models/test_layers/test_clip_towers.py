# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The towers of open_clip's configs."""

import pytest
import torch
from timm.layers import DropPath

from aeroseg.models.layers.clip_towers import (
    build_convnext_tower,
    build_text_tower,
    build_vision_tower,
    clip_config,
)
from aeroseg.models.layers.split_attention import SplitAttention


def test_names_and_dicts() -> None:
    config = clip_config('ViT-B-16-quickgelu')
    assert config['quick_gelu']
    assert config['vision_cfg']['patch_size'] == 16
    own = {'embed_dim': 8, 'vision_cfg': {'width': 64}}
    assert clip_config(own) == own
    assert clip_config(own)['vision_cfg'] is not own['vision_cfg']


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match='ViT-B-16-quickgelu'):
        clip_config('ViT-B-17')


@pytest.mark.parametrize(
    'name', ['ViT-B-16', 'RN50', 'vit_medium_patch16_gap_256']
)
def test_other_towers_than_a_convnext_are_refused(name: str) -> None:
    with torch.device('meta'), pytest.raises(ValueError, match='ConvNeXt is'):
        build_convnext_tower(name, 0.0, 0.0)


def test_an_unknown_convnext_lists_the_known() -> None:
    with pytest.raises(ValueError, match='convnext_base_w_320'):
        build_convnext_tower('convnext_base_320', 0.0, 0.0)


def test_rates_of_a_convnext_are_the_callers() -> None:
    """The open_clip config has a drop path of 0.1."""
    with torch.device('meta'):
        plain = build_convnext_tower('convnext_base_w_320', 0.0, 0.0)
        large = build_convnext_tower('convnext_large_d_320', 0.1, 0.2)
    drops = [m for m in plain.modules() if isinstance(m, DropPath)]
    assert not drops
    assert plain.head.drop.p == 0
    rates = [m.drop_prob for m in large.modules() if isinstance(m, DropPath)]
    assert max(rates) == pytest.approx(0.1)
    assert large.head.mlp.drop1.p == 0.2


def test_attention_is_split_in_both_towers() -> None:
    config = {
        'embed_dim': 8,
        'vision_cfg': {'width': 64, 'layers': 2, 'image_size': 32},
        'text_cfg': {'width': 16, 'heads': 2, 'layers': 2},
    }
    for tower in (build_vision_tower(config), build_text_tower(config)):
        for block in tower.transformer.resblocks:
            assert isinstance(block.attn, SplitAttention)


@pytest.mark.parametrize('field', ['timm_model_name', 'attentional_pool'])
def test_towers_without_plain_tokens_are_refused(field: str) -> None:
    value = {'timm_model_name': 'resnet18', 'attentional_pool': True}[field]
    config = {
        'embed_dim': 8,
        'vision_cfg': {
            'width': 64, 'layers': 2, 'image_size': 32, field: value
        },
    }  # fmt: skip
    with pytest.raises(ValueError, match='plain ViTs'):
        build_vision_tower(config)


def test_other_attention_is_refused() -> None:
    config = {
        'embed_dim': 8,
        'vision_cfg': {
            'width': 64, 'layers': 2, 'image_size': 32, 'qk_norm': True
        },
    }  # fmt: skip
    with pytest.raises(ValueError, match='plain blocks'):
        build_vision_tower(config)
