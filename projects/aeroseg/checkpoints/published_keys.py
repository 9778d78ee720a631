# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From the published CAT-Seg, OVRS and SED tensor names to ours."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

# detectron2 checkpoints have one of these in front.
_PREFIXES = (
    ('sem_seg_head.predictor.clip_model.', 'clip.'),
    ('sem_seg_head.predictor.transformer.', 'aggregator.'),
)


class _Names(NamedTuple):
    """How a system's tensors are called.

    Attributes:
        starts (tuple[tuple[str, str], ...]): Patterns of the beginning of a
            name and what takes its place; the first that fits counts.
        inner (tuple[tuple[str, str], ...]): Parts to replace after that.
    """

    starts: tuple[tuple[str, str], ...]
    inner: tuple[tuple[str, str], ...]


_CLIP = (
    (r'clip\.visual\.', 'backbone.visual.'),
    (r'clip\.', 'text_encoder.text.'),
)
_CONVOLUTIONS = (
    ('.conv.double_conv.0.', '.conv1.'),
    ('.conv.double_conv.1.', '.norm1.'),
    ('.conv.double_conv.3.', '.conv2.'),
    ('.conv.double_conv.4.', '.norm2.'),
)
_CATSEG = _Names(
    starts=(
        *_CLIP,
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
    ),
    inner=(
        ('.mlp.fc1.', '.mlp.0.'),
        ('.mlp.fc2.', '.mlp.2.'),
        ('.classes.attention.', '.classes.attn.'),
        ('.classes.MLP.', '.classes.mlp.'),
        ('.padding_tokens', '.padding_token'),
        ('.cconv.', '.attention.channel.'),
        ('.sconv.', '.attention.space.'),
        *_CONVOLUTIONS,
    ),
)
_SED = _Names(
    starts=(
        *_CLIP,
        (r'aggregator\.conv1\.', 'decode_head.embed.'),
        (r'aggregator\.decoder1\.', 'decode_head.stages.0.'),
        (r'aggregator\.decoder2\.', 'decode_head.stages.1.'),
        (r'aggregator\.decoder3\.', 'decode_head.stages.2.'),
        (
            r'aggregator\.decoder_guidance_projection\.(\d)\.',
            r'decode_head.stages.\1.guidance_proj.',
        ),
        (
            r'aggregator\.decoder_corr_guidance_projection\.(\d)\.',
            r'decode_head.stages.\1.class_guidance_proj.',
        ),
        (r'aggregator\.head(\d)\.', r'decode_head.auxiliary_heads.\1.'),
        (r'aggregator\.head\.', 'decode_head.head.'),
    ),
    inner=(
        ('.attention.attention.', '.classes.attn.'),
        ('.attention.MLP.', '.classes.mlp.'),
        ('.attention.norm', '.classes.norm'),
        ('.cnext.dwconv.', '.spatial.conv_dw.'),
        ('.cnext.pwconv', '.spatial.mlp.fc'),
        ('.cnext.', '.spatial.'),
        ('.up.', '.upsample.up.'),
        ('.conv.double_conv.', '.upsample.conv.double_conv.'),
        *_CONVOLUTIONS,
    ),
)
_SYSTEMS = {'cat-seg': _CATSEG, 'sed': _SED}
_UNUSED = ('attn_mask', 'logit_scale', 'pixel_mean', 'pixel_std')


def convert_published(
    state: Mapping[str, Tensor], system: str | None = None
) -> dict[str, Tensor]:
    """Rename the tensors of a published checkpoint.

    Args:
        state (Mapping[str, Tensor]): Of CAT-Seg
            (https://github.com/cvlab-kaist/CAT-Seg), OVRS
            (https://github.com/caoql98/OVRS) or SED
            (https://github.com/xb534/SED).
        system (str, optional): 'cat-seg' (OVRS has the same names) or 'sed';
            found out by the names if not given.

    Returns:
        dict[str, Tensor]: Under the names of :class:`AerOSeg` or, of SED, of
        :class:`SED`. Tensors that have no place in it (masks, the logit
        scale) are left out.

    Raises:
        ValueError: If a name is not one of theirs.
    """
    if system is None:  # only SED has ConvNeXt blocks behind CLIP
        sed = any('.cnext.' in key for key in state)
        system = 'sed' if sed else 'cat-seg'
    names = _SYSTEMS[system]
    renamed = {
        _rename(key, names): value.flatten() if '.padding_' in key else value
        for key, value in state.items()
        if not key.endswith(_UNUSED)
    }
    return split_attention_weights(renamed)


def split_attention_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the query, key and value weights of CLIP's blocks apart.

    Args:
        state (Mapping[str, Tensor]): Tensors by name, with or without a fused
            ``attn.in_proj_weight``, as OpenAI, open_clip and SED have it.

    Returns:
        dict[str, Tensor]: With ``attn.q_proj_weight`` and so on instead.
    """
    split = dict(state)
    for key in [k for k in split if k.endswith('attn.in_proj_weight')]:
        stem = key.removesuffix('in_proj_weight')
        for part, weight in zip('qkv', split.pop(key).chunk(3), strict=True):
            split[f'{stem}{part}_proj_weight'] = weight
    return split


def _rename(key: str, names: _Names) -> str:
    name = key
    for old, new in _PREFIXES:
        name = name.replace(old, new)
    for pattern, replacement in names.starts:
        if re.match(pattern, name):
            name = re.sub(pattern, replacement, name, count=1)
            break
    else:
        raise ValueError(
            f'{key!r} is no tensor of CAT-Seg, OVRS or SED; their names '
            f'begin with {[old for old, _ in _PREFIXES]}'
        )
    for old, new in names.inner:
        name = name.replace(old, new)
    return name
