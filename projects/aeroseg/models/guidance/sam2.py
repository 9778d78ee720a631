# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guidance by the image encoder of SAM 2 and SAM 2.1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import timm
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from .base import Features, GuidanceEncoder
from .sam import SAM_MEAN, SAM_STD

if TYPE_CHECKING:
    from aeroseg.models.backbones.rotated_clip import CLIPFeatures

_ANY = 'sam2_hiera_tiny'  # the entry point for a dict of sizes


@MODELS.register_module()
class SAM2Guidance(GuidanceEncoder):
    """Features of the first three stages of SAM 2's Hiera encoder.

    The stages have strides of 4, 8 and 16 pixels; their maps are averaged
    over the cells of the common grid and become F1, F2 and F3 (Table 6 of the
    paper names the encoders, not the layers). The encoder is timm's; its
    fourth stage is not built.

    Args:
        model (str | dict): A SAM 2 encoder of timm, such as
            'sam2_hiera_base_plus.fb_r896' (SAM 2) or
            'sam2_hiera_base_plus.fb_r896_2pt1' (SAM 2.1), or arguments of
            timm's HieraDet. The name chooses sizes, not weights.
        out_indices (tuple[int, int, int]): Stages of F1, F2, F3, from 0.
        frozen (bool): Whether the encoder is a constant, or is trained.
        stride (int): Image pixels per grid cell; see :class:`GuidanceEncoder`.
        cache (dict | None): Keep the features of a frozen encoder on disk:
            ``dict(folder=..., max_gib=20)``; see :class:`FeatureCache`.
        init_cfg (dict | list[dict] | None): For official weights:
            ``dict(type='SAM2Pretrained', checkpoint=...)``.

    Examples:
        >>> import torch
        >>> small = dict(embed_dim=8, stages=(1, 1, 2, 1), num_heads=1,
        ...              global_att_blocks=(3,))
        >>> encoder = SAM2Guidance(small)
        >>> [tuple(f.shape) for f in encoder(torch.rand(1, 3, 64, 96))]
        [(1, 8, 4, 6), (1, 16, 4, 6), (1, 32, 4, 6)]
    """

    encoder: Any  # timm's FeatureGetterNet, whose methods nn.Module hides

    def __init__(
        self,
        model: str | dict = 'sam2_hiera_base_plus.fb_r896',
        out_indices: tuple[int, int, int] = (0, 1, 2),
        frozen: bool = True,
        stride: int = 16,
        cache: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            stride=stride,
            patch_size=16,
            mean=SAM_MEAN,
            std=SAM_STD,
            frozen=frozen,
            cache=cache,
            init_cfg=init_cfg,
        )
        self.model = model
        name, sizes = _entry(model)
        self.encoder = timm.create_model(
            name, features_only=True, out_indices=out_indices, **sizes
        )
        first, second, third = self.encoder.feature_info.channels()
        self.out_channels = (first, second, third)
        # The position table of an attention window is tiled, so the finest
        # map must be a whole number of attention windows.
        window = self.encoder.model.pos_embed_window.shape[-1]
        self.multiple = window * self.encoder.feature_info.reduction()[0]
        if frozen:
            self._freeze()

    @property
    def settings(self) -> dict[str, object]:
        """What the features depend on besides the weights."""
        strides = self.encoder.feature_info.reduction()
        return {**super().settings, 'model': self.model, 'strides': strides}

    def encode(self, image: Tensor, clip: CLIPFeatures | None) -> Features:
        """Compute F1, F2, F3 of a normalised image; CLIP is not read."""
        height, width = image.shape[-2:]
        grid = (height // self.patch_size, width // self.patch_size)
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        maps = self.encoder(F.pad(image, padding))
        strides = self.encoder.feature_info.reduction()
        first, second, third = (
            F.adaptive_avg_pool2d(x[..., : height // s, : width // s], grid)
            for x, s in zip(maps, strides, strict=True)
        )
        return first, second, third


def _entry(model: str | dict) -> tuple[str, dict[str, Any]]:
    """Timm's entry point and the sizes to give it."""
    if not isinstance(model, str):
        return _ANY, dict(model)
    known = timm.list_models('sam2_hiera*')
    if model.partition('.')[0] not in known:
        raise ValueError(
            f'Unknown SAM 2 encoder {model!r}: model is one of '
            f'{", ".join(map(repr, known))}, with or without a tag of '
            "weights such as '.fb_r896' after it, or a dict of arguments of "
            "timm's HieraDet."
        )
    return model, {}
