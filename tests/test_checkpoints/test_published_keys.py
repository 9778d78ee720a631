# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Names of the published checkpoints."""

import open_clip
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from aeroseg.checkpoints.published_keys import convert_published
from published.networks import PublishedNetwork


@pytest.mark.parametrize('rotations', [1, 4])
def test_the_whole_network_finds_its_place(
    rotations: int, root: object
) -> None:
    """Under the names of a detectron2 checkpoint, at full size."""
    with torch.device('meta'):
        oracle = PublishedNetwork(rotations).state_dict()
        name = 'ovrs' if rotations == 4 else 'catseg'
        model = Config.fromfile(
            f'{root}/configs/_base_/models/{name}_vit-b16.py'
        ).model
        for part in ('backbone', 'text_encoder'):
            model[part].init_cfg = None
        ours = MODELS.build(model).state_dict()
    published = {}
    for key, value in oracle.items():
        name = key.replace('clip.', 'clip_model.', 1)
        name = name.replace('aggregator.', 'transformer.', 1)
        prefix = '' if key.startswith('upsample') else 'predictor.'
        published[f'sem_seg_head.{prefix}{name}'] = value
    converted = convert_published(published)
    assert set(converted) == set(ours)
    unlike = [k for k in ours if ours[k].shape != converted[k].shape]
    assert not unlike


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'backbone\.conv' is no tensor"):
        convert_published({'backbone.conv': torch.zeros(1)})


# Ours and published, from the section on checkpoints of SED's code.
SED_NAMES = {
    'embed.': 'conv1.',
    'head.': 'head.',
    **{f'auxiliary_heads.{i}.': f'head{i}.' for i in range(3)},
    **{
        f'stages.{i}.{ours}': published.format(i, i + 1)
        for i in range(3)
        for ours, published in {
            'guidance_proj.': 'decoder_guidance_projection.{0}.',
            'class_guidance_proj.': 'decoder_corr_guidance_projection.{0}.',
            'spatial.gamma': 'decoder{1}.cnext.gamma',
            'spatial.conv_dw.': 'decoder{1}.cnext.dwconv.',
            'spatial.norm.': 'decoder{1}.cnext.norm.',
            'spatial.mlp.fc1.': 'decoder{1}.cnext.pwconv1.',
            'spatial.mlp.fc2.': 'decoder{1}.cnext.pwconv2.',
            'classes.attn.': 'decoder{1}.attention.attention.',
            'classes.mlp.': 'decoder{1}.attention.MLP.',
            'classes.norm1.': 'decoder{1}.attention.norm1.',
            'classes.norm2.': 'decoder{1}.attention.norm2.',
            'upsample.up.': 'decoder{1}.up.',
            'upsample.conv1.': 'decoder{1}.conv.double_conv.0.',
            'upsample.norm1.': 'decoder{1}.conv.double_conv.1.',
            'upsample.conv2.': 'decoder{1}.conv.double_conv.3.',
            'upsample.norm2.': 'decoder{1}.conv.double_conv.4.',
        }.items()
    },
}


def test_sed_finds_its_place(root: object) -> None:
    """At full size, under the names of a published checkpoint."""
    config = Config.fromfile(f'{root}/configs/_base_/models/sed_convnext-b.py')
    for part in ('backbone', 'text_encoder'):
        config.model[part].init_cfg = None
    with torch.device('meta'):
        model = MODELS.build(config.model)
        clip = open_clip.CLIP(**open_clip.get_model_config(config.clip_model))
    front = 'sem_seg_head.predictor.'
    published = {
        f'{front}clip_model.{key}': value
        for key, value in clip.state_dict().items()
    }
    head = model.decode_head.state_dict()
    for ours, name in SED_NAMES.items():
        for key in head:
            if key.startswith(ours):
                rest = key.removeprefix(ours)
                published[f'{front}transformer.{name}{rest}'] = head[key]
    assert len(published) == 493 + 115
    converted = convert_published(published)
    own = model.state_dict()
    assert set(converted) == set(own)
    assert all(converted[key].shape == own[key].shape for key in own)
