# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guidance by DINO and DINOv2, and the features that ProxyCLIP attends by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import timm
from mmseg.registry import MODELS
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from .base import Features, GuidanceEncoder

if TYPE_CHECKING:
    from aeroseg.models.backbones.rotated_clip import CLIPFeatures

_ANY = 'vit_base_patch16_224'  # the entry point that a dict of sizes uses


@MODELS.register_module()
class DINOGuidance(GuidanceEncoder):
    """Patch tokens of a plain ViT of timm, such as DINO's or DINOv2's.

    F1 and F2 are the outputs of two blocks, F3 is the normalised output of
    the last one, which is what ProxyCLIP (ECCV 2024) takes.

    Args:
        model (str | dict): A ViT of timm: 'vit_base_patch8_224.dino',
            'vit_base_patch14_reg4_dinov2.lvd142m', ..., or arguments of
            timm's VisionTransformer. The name chooses sizes, not weights.
        out_indices (tuple[int, int]): Blocks of F1 and F2, from 0.
        frozen (bool): Whether the encoder is a constant, or is trained.
        stride (int | None): Image pixels per grid cell; None takes the patch
            size, so that the image is not resized.
        cache (dict | None): Keep the features of a frozen encoder on disk;
            see :class:`FeatureCache`.
        init_cfg (dict | list[dict] | None): For official weights:
            ``dict(type='DINOPretrained', checkpoint=...)``.

    Raises:
        ValueError: If timm has no such plain ViT.
    """

    def __init__(
        self,
        model: str | dict = 'vit_base_patch8_224.dino',
        out_indices: tuple[int, int] = (3, 7),
        frozen: bool = True,
        stride: int | None = None,
        cache: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        vit = _build(model)
        patch_size = vit.patch_embed.patch_size[0]
        super().__init__(
            stride=stride or patch_size,
            patch_size=patch_size,
            mean=_in_pixels(IMAGENET_DEFAULT_MEAN),
            std=_in_pixels(IMAGENET_DEFAULT_STD),
            frozen=frozen,
            cache=cache,
            init_cfg=init_cfg,
        )
        self.model = model
        self.encoder = vit
        # timm's own init_weights must not run after the loading of weights.
        self.encoder.is_init = True
        self.out_indices = tuple(out_indices)
        self.out_channels = (vit.embed_dim,) * 3
        if frozen:
            self._freeze()

    @property
    def settings(self) -> dict[str, object]:
        """Everything that, with the weights, decides the features."""
        indices = self.out_indices
        return {**super().settings, 'model': self.model, 'blocks': indices}

    def encode(self, image: Tensor, clip: CLIPFeatures | None) -> Features:
        """Compute F1, F2, F3 of a normalised image; CLIP is not read."""
        tokens, (first, second) = self.encoder.forward_intermediates(
            image, indices=list(self.out_indices)
        )
        patches = tokens[:, self.encoder.num_prefix_tokens :]
        third = patches.transpose(1, 2).unflatten(2, first.shape[2:])
        return first, second, third


def _build(model: str | dict) -> Any:
    """The ViT without a head, for images of any size."""
    name, sizes = (model, {}) if isinstance(model, str) else (_ANY, model)
    try:
        vit = timm.create_model(
            name, num_classes=0, dynamic_img_size=True, **sizes
        )
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f'timm has no plain ViT {model!r} ({error}); take '
            "'vit_base_patch8_224.dino', 'vit_base_patch14_reg4_dinov2."
            "lvd142m' or another of timm.list_models('vit_*')"
        ) from error
    if not isinstance(vit, VisionTransformer):
        raise ValueError(
            f'{model!r} is a {type(vit).__name__}; take a plain ViT of timm, '
            "such as 'vit_base_patch8_224.dino'"
        )
    return vit


def _in_pixels(
    values: tuple[float, float, float],
) -> tuple[float, float, float]:
    red, green, blue = (255 * value for value in values)
    return red, green, blue
