# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guidance by CLIP's own features, as in CAT-Seg and OVRS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmseg.registry import MODELS
from torch import Tensor

from .base import Features, GuidanceEncoder

if TYPE_CHECKING:
    from aeroseg.models.backbones.rotated_clip import CLIPFeatures, RotatedCLIP


@MODELS.register_module()
class CLIPGuidance(GuidanceEncoder):
    """The two intermediate CLIP maps and the dense map, without rotation.

    This is the guidance of CAT-Seg (https://github.com/cvlab-kaist/CAT-Seg)
    and OVRS (https://github.com/caoql98/OVRS), and of the "Baseline" of
    AerOSeg's Table 3. It has no parameter and adds no cost; gradients flow
    into CLIP, as published.

    Args:
        stride (int): Image pixels per grid cell, along each axis.
    """

    def __init__(self, stride: int = 16) -> None:
        super().__init__(stride=stride, patch_size=stride, frozen=False)

    def bind(self, backbone: RotatedCLIP) -> None:
        """Read the channels of the backbone's maps."""
        width = backbone.hidden_dims
        self.out_channels = (width, width, backbone.embed_dims)

    def forward(
        self, image: Tensor, clip: CLIPFeatures | None = None
    ) -> Features:
        """Select the guidance maps from the CLIP features.

        Args:
            image (Tensor): (B, 3, H, W), not read.
            clip (CLIPFeatures): What the CLIP backbone computed from it.

        Returns:
            tuple[Tensor, Tensor, Tensor]: F1, F2 (B, W, h, w), the
            intermediate maps, and F3 (B, C, h, w), the dense map.

        Raises:
            ValueError: If there are no CLIP features, or not two
                intermediate maps.
        """
        return self.encode(image, clip)

    def encode(self, image: Tensor, clip: CLIPFeatures | None) -> Features:
        """Select the guidance maps; the image is not read."""
        if clip is None or len(clip.intermediate) != 2:
            raise ValueError(
                'CLIPGuidance reads two intermediate maps of the CLIP '
                'backbone; got '
                f'{"none" if clip is None else len(clip.intermediate)}. Give '
                'the backbone out_indices of two blocks, such as (3, 7).'
            )
        first, second = clip.intermediate
        return first, second, clip.dense[:, clip.upright]
