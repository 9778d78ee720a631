# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guidance by CLIP's own features, as in CAT-Seg and OVRS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmseg.registry import MODELS
from torch import Tensor

from .base import Features, GuidanceEncoder

if TYPE_CHECKING:
    from aeroseg.models.backbones.rotated_clip import CLIPFeatures


@MODELS.register_module()
class CLIPGuidance(GuidanceEncoder):
    """The two intermediate CLIP maps and the dense map, without rotation.

    This is the guidance of CAT-Seg (https://github.com/cvlab-kaist/CAT-Seg)
    and OVRS (https://github.com/caoql98/OVRS), and of the "Baseline" of
    AerOSeg's Table 3. It has no parameter and adds no cost; gradients flow
    into CLIP, as published.

    Args:
        out_channels (tuple[int, int, int]): Channels of the two intermediate
            maps (CLIP's width) and of the dense map (the embedding width).
        upright (int): Index of 0 degrees among the backbone's rotations.
        stride (int): Image pixels per grid cell, along each axis.
    """

    def __init__(
        self,
        out_channels: tuple[int, int, int] = (768, 768, 512),
        upright: int = 0,
        stride: int = 16,
    ) -> None:
        super().__init__(stride=stride, patch_size=stride, frozen=False)
        first, second, dense = out_channels
        self.out_channels = (first, second, dense)
        self.upright = upright

    def forward(
        self, image: Tensor, clip: CLIPFeatures | None = None
    ) -> Features:
        """Pick the guidance maps out of the CLIP features.

        Args:
            image (Tensor): (B, 3, H, W), not read.
            clip (CLIPFeatures): What the CLIP backbone computed from it.

        Returns:
            tuple[Tensor, Tensor, Tensor]: F1, F2 (B, W, h, w), the
            intermediate maps, and F3 (B, C, h, w), the dense map.

        Raises:
            ValueError: If there are no CLIP features, or not two
                intermediate maps, or their channels differ from
                ``out_channels``.
        """
        return self.encode(image, clip)

    def encode(self, image: Tensor, clip: CLIPFeatures | None) -> Features:
        """Pick the guidance maps; the image is not read."""
        if clip is None or len(clip.intermediate) != 2:
            raise ValueError(
                'CLIPGuidance reads two intermediate maps of the CLIP '
                'backbone; got '
                f'{"none" if clip is None else len(clip.intermediate)}. Give '
                'the backbone out_indices of two blocks, such as (3, 7).'
            )
        first, second = clip.intermediate
        maps = (first, second, clip.dense[:, self.upright])
        channels = tuple(x.shape[1] for x in maps)
        if channels != self.out_channels:
            raise ValueError(
                f'CLIPGuidance was told of maps with {self.out_channels} '
                f'channels and got {channels}. Set its out_channels to '
                f'{channels}.'
            )
        return maps
