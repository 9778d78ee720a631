# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From the published CAT-Seg and OVRS tensor names to ours."""

import re
from collections.abc import Mapping

from torch import Tensor

# detectron2 checkpoints of both have one of these in front.
_PREFIXES = (
    ('sem_seg_head.predictor.clip_model.', 'clip.'),
    ('sem_seg_head.predictor.transformer.', 'aggregator.'),
)
_RULES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r'clip\.visual\.', 'backbone.visual.'),
        (r'clip\.', 'text_encoder.text.'),
        (r'aggregator\.conv1\.', 'neck.embed.'),
        (r'aggregator\.guidance_projection\.', 'neck.guidance_proj.'),
        (r'aggregator\.text_guidance_projection\.', 'neck.text_proj.'),
        (
            r'aggregator\.layers\.(\d)\.swin_block\.block_1\.',
            r'neck.layers.\1.spatial.blocks.0.',
        ),
        (
            r'aggregator\.layers\.(\d)\.swin_block\.block_2\.',
            r'neck.layers.\1.spatial.blocks.1.',
        ),
        (
            r'aggregator\.layers\.(\d)\.swin_block\.',
            r'neck.layers.\1.spatial.',
        ),
        (r'aggregator\.layers\.(\d)\.attention\.', r'neck.layers.\1.classes.'),
        (
            r'aggregator\.decoder_guidance_projection\.(\d)\.0\.',
            r'decode_head.guidance_proj.\1.conv.',
        ),
        (r'aggregator\.decoder1\.', 'decode_head.stages.0.'),
        (r'aggregator\.decoder2\.', 'decode_head.stages.1.'),
        (r'aggregator\.head\.', 'decode_head.head.'),
        (
            r'sem_seg_head\.upsample1\.|upsample1\.',
            'decode_head.guidance_proj.0.deconv.',
        ),
        (
            r'sem_seg_head\.upsample2\.|upsample2\.',
            'decode_head.guidance_proj.1.deconv.',
        ),
    )
)
_INNER = (
    ('.mlp.fc1.', '.mlp.0.'),
    ('.mlp.fc2.', '.mlp.2.'),
    ('.classes.attention.', '.classes.attn.'),
    ('.classes.MLP.', '.classes.mlp.'),
    ('.padding_tokens', '.padding_token'),
    ('.conv.double_conv.0.', '.conv1.'),
    ('.conv.double_conv.1.', '.norm1.'),
    ('.conv.double_conv.3.', '.conv2.'),
    ('.conv.double_conv.4.', '.norm2.'),
    ('.cconv.', '.attention.channel.'),
    ('.sconv.', '.attention.space.'),
)
_UNUSED = ('attn_mask', 'logit_scale', 'pixel_mean', 'pixel_std')


def convert_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a published checkpoint.

    Args:
        state (Mapping[str, Tensor]): Of CAT-Seg
            (https://github.com/cvlab-kaist/CAT-Seg) or OVRS
            (https://github.com/caoql98/OVRS).

    Returns:
        dict[str, Tensor]: Under the names of :class:`AerOSeg`. Tensors that
        have no place in it (masks, the logit scale) are left out.

    Raises:
        ValueError: If a name is not one of theirs.
    """
    return {
        _rename(key): value.flatten() if '.padding_' in key else value
        for key, value in state.items()
        if not key.endswith(_UNUSED)
    }


def _rename(key: str) -> str:
    name = key
    for old, new in _PREFIXES:
        name = name.replace(old, new)
    for pattern, replacement in _RULES:
        if pattern.match(name):
            name = pattern.sub(replacement, name, count=1)
            break
    else:
        raise ValueError(
            f'{key!r} is no tensor of CAT-Seg or OVRS; their names begin with '
            f'{[old for old, _ in _PREFIXES]}'
        )
    for old, new in _INNER:
        name = name.replace(old, new)
    return name
