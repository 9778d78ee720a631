# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Brings a guidance map to the width and size of a decoder stage."""

import torch.nn.functional as F
from torch import Tensor, nn


class GuidanceProjection(nn.Module):
    """3x3 convolution + ReLU to a small width, and upsampling.

    Args:
        in_channels (int): Channels of the guidance map.
        out_channels (int): Channels that the decoder stage takes.
        scale (int): Upsampling, 2 or 4.
        upsample (str): 'nearest' after the projection (eq. 10) or 'deconv',
            a learned transposed convolution before it (CAT-Seg, OVRS).
        mid_channels (int): Channels between the two with 'deconv'.

    Raises:
        ValueError: If ``upsample`` is something else.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: int,
        upsample: str = 'nearest',
        mid_channels: int = 256,
    ) -> None:
        super().__init__()
        if upsample not in ('nearest', 'deconv'):
            raise ValueError(
                f"guidance_upsample={upsample!r}; allowed are 'nearest' and "
                "'deconv'"
            )
        self.scale = scale
        self.deconv = None
        if upsample == 'deconv':
            self.deconv = nn.ConvTranspose2d(
                in_channels, mid_channels, scale, stride=scale
            )
            in_channels = mid_channels
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, G, scale * h, scale * w)."""
        if self.deconv is not None:
            return F.relu(self.conv(self.deconv(x)))
        x = F.relu(self.conv(x))
        return F.interpolate(x, scale_factor=self.scale, mode='nearest')
