# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The towers of open_clip's configs."""

import pytest

from aeroseg.models.layers.clip_towers import (
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
