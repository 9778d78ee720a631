# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The two towers of any CLIP that open_clip describes by a config."""

import copy
from typing import Any

import open_clip
from open_clip.model import _build_text_tower, _build_vision_tower
from open_clip.timm_model import TimmModel
from open_clip.transformer import (
    ResidualAttentionBlock,
    TextTransformer,
    VisionTransformer,
)
from timm.models.convnext import ConvNeXt
from torch import Tensor, nn

from .feed_forward import add_to, feed_forward
from .split_attention import SplitAttention

ClipModel = str | dict[str, Any]


def clip_config(model: ClipModel, family: str = 'ViT') -> dict[str, Any]:
    """The open_clip config of a model.

    Args:
        model (str | dict): A name of open_clip ('ViT-B-16-quickgelu') or a
            config with ``embed_dim``, ``vision_cfg``, ``text_cfg`` and
            optionally ``quick_gelu``.
        family (str): How the names begin that an error offers.

    Raises:
        ValueError: If open_clip knows no such name.
    """
    if not isinstance(model, str):
        return copy.deepcopy(dict(model))
    config = open_clip.get_model_config(model)
    if config is None:
        known = [n for n in open_clip.list_models() if n.startswith(family)]
        raise ValueError(
            f'open_clip knows no model {model!r}; its models of the kind '
            f'{family} are {known}'
        )
    return copy.deepcopy(config)


def build_vision_tower(model: ClipModel) -> VisionTransformer:
    """The image tower, its attention split into q, k and v.

    Raises:
        ValueError: If the model is not a plain ViT with a class token.
    """
    config = clip_config(model)
    tower = _build_vision_tower(
        config['embed_dim'],
        config['vision_cfg'],
        quick_gelu=config.get('quick_gelu', False),
    )
    if not isinstance(tower, VisionTransformer) or tower.attn_pool is not None:
        raise ValueError(
            f'the image tower of {model!r} is {type(tower).__name__}; dense '
            'features are defined for the plain ViTs of open_clip: choose '
            "one, such as 'ViT-B-16-quickgelu'"
        )
    _split(tower, model)
    return tower


def build_convnext_tower(
    model: ClipModel, drop_path: float, dropout: float
) -> TimmModel:
    """The image tower of a CLIP whose images go through a ConvNeXt.

    Args:
        model (str | dict): See :func:`clip_config`.
        drop_path (float): Rate of stochastic depth in training.
        dropout (float): Rate in the head in training.

    Raises:
        ValueError: If it is not a ConvNeXt followed by a projection.
    """
    config = clip_config(model, family='convnext')
    rates = {'timm_drop_path': drop_path, 'timm_drop': dropout}
    vision = config['vision_cfg']
    if 'timm_model_name' in vision:
        vision.update(rates)
    tower = _build_vision_tower(config['embed_dim'], vision)
    trunk = getattr(tower, 'trunk', tower)
    if not isinstance(trunk, ConvNeXt) or not len(tower.head):
        raise ValueError(
            f'the image tower of {model!r} is {type(trunk).__name__}; a '
            "ConvNeXt is needed, for example 'convnext_base_w_320'"
        )
    return tower


def build_text_tower(model: ClipModel) -> TextTransformer:
    """The text tower, its attention split into q, k and v.

    Raises:
        ValueError: If it is not a causal transformer that pools at the end.
    """
    config = clip_config(model)
    tower = _build_text_tower(
        config['embed_dim'],
        config['text_cfg'],
        quick_gelu=config.get('quick_gelu', False),
    )
    if (
        not isinstance(tower, TextTransformer)
        or tower.pool_type != 'argmax'
        or tower.attn_mask is None
    ):
        raise ValueError(
            f'the text tower of {model!r} is not the causal transformer of '
            'CLIP; prompts are cut at their end, which needs one'
        )
    _split(tower, model)
    return tower


def _split(tower: nn.Module, model: ClipModel) -> None:
    for block in tower.transformer.resblocks:  # type: ignore[union-attr]
        if not isinstance(block, ResidualAttentionBlock):
            raise ValueError(
                f'{model!r} has blocks of type {type(block).__name__}; only '
                'the plain blocks of CLIP are supported'
            )
        block.attn = SplitAttention(block.attn)


def run_block(
    block: ResidualAttentionBlock,
    x: Tensor,
    is_causal: bool = False,
    bias: Tensor | None = None,
) -> Tensor:
    """One residual block with split attention: (N, L, C) -> (N, L, C)."""
    attended = block.attn(block.ln_1(x), is_causal=is_causal, bias=bias)
    x = add_to(block.ls_1(attended), x)
    return add_to(block.ls_2(run_mlp(block, block.ln_2(x))), x)


def run_mlp(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """The perceptron of a block: (N, L, C) -> (N, L, C)."""
    first, activation, second = block.mlp
    return feed_forward(x, first, activation, second)
