# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A guidance encoder: a DINOv2 of timm."""

import timm
from mmseg.registry import MODELS
from torch import Tensor

from aeroseg.models.guidance.base import Features, GuidanceEncoder


@MODELS.register_module()
class TimmGuidance(GuidanceEncoder):
    """Three blocks of a frozen ViT of timm.

    Args:
        model (str): Such as 'vit_small_patch14_dinov2.lvd142m'.
        pretrained (bool): Whether timm downloads the weights.
        blocks (tuple[int, int, int]): Blocks of F1, F2 and F3, from 0.
        stride (int): Image pixels per grid cell, as in the backbone.
    """

    def __init__(
        self,
        model: str = 'vit_small_patch14_dinov2.lvd142m',
        pretrained: bool = False,
        blocks: tuple[int, int, int] = (3, 7, 11),
        stride: int = 16,
    ) -> None:
        vit = timm.create_model(
            model, pretrained, num_classes=0, dynamic_img_size=True
        )
        pixels = {
            name: tuple(255 * value for value in vit.pretrained_cfg[name])
            for name in ('mean', 'std')
        }
        # The image is resized so that a patch of the ViT meets a grid cell.
        patch = vit.patch_embed.patch_size[0]
        super().__init__(stride=stride, patch_size=patch, **pixels)
        self.encoder = vit
        self.encoder.is_init = True  # keeps the weights that timm has loaded
        self.blocks = list(blocks)
        self.out_channels = (vit.embed_dim,) * 3
        self._freeze()

    def encode(self, image: Tensor, clip: object) -> Features:
        """F1, F2, F3, each (B, C, h, w); CLIP's features are not read."""
        first, second, third = self.encoder.forward_intermediates(
            image, indices=self.blocks, intermediates_only=True
        )
        return first, second, third
