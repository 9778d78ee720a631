# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The aggregator of CAT-Seg and OVRS, plainly: guidance repeated per class,
padded classes as tokens, whole attention weights.

Written from the published description and checked against tensors that the
published code computed (test_golden.py). Attribute names are those of the
published state dicts, so that their tensors load by name.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from published.refinement import Layer


class DoubleConv(nn.Module):
    """Twice a 3 x 3 convolution, group norm and ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (channels, out):
            layers += [
                nn.Conv2d(width, out, 3, padding=1, bias=False),
                nn.GroupNorm(out // 16, out),
                nn.ReLU(),
            ]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class Up(nn.Module):
    """Double the resolution, guided; with attention it is OVRS's."""

    def __init__(
        self, channels: int, out: int, guidance: int, attention: bool
    ) -> None:
        super().__init__()
        width = channels - guidance
        self.up = nn.ConvTranspose2d(channels, width, 2, 2)
        self.conv = DoubleConv(channels, out)
        if attention:
            self.cconv = nn.Conv2d(width, guidance, 1)
            self.sconv = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor, guidance: Tensor) -> Tensor:
        """(B T, D, h, w) with guidance (B, G, 2h, 2w)."""
        x = self.up(x)
        classes = len(x) // len(guidance)
        if hasattr(self, 'cconv'):
            mean = rearrange(x, '(b t) c h w -> b t c h w', t=classes).mean(1)
            channel = self.cconv(mean.mean((2, 3), keepdim=True))
            space = self.sconv(mean.mean(1, keepdim=True))
            guidance = channel * guidance + space * guidance + guidance
        guidance = repeat(guidance, 'b c h w -> (b t) c h w', t=classes)
        return self.conv(torch.cat([x, guidance], dim=1))


class PublishedAggregator(nn.Module):
    """Correlation -> logits.

    Args:
        channels (int): Maps of a class in the correlation, R * P.
        embed_dim (int): Width of CLIP's embedding.
        dim (int): Width of the correlation embedding, D.
        heads (int): Attention heads.
        grid (int): Side of the grid in cells.
        window (int): Side of a window in cells.
        layers (int): Refinement layers.
        pooling (int): Pooling of the class block.
        pad_len (int): Classes after padding; 0: no padding.
        decoder_dims (tuple[int, int]): Widths after the two decoder stages.
        guidance_in (tuple[int, int]): Channels of the decoder's guidance.
        guidance_out (tuple[int, int]): The same after its projection.
        attention (bool): Whether the decoder has OVRS's attention.
    """

    def __init__(
        self,
        channels: int = 4,
        embed_dim: int = 512,
        dim: int = 128,
        heads: int = 4,
        grid: int = 24,
        window: int = 12,
        layers: int = 2,
        pooling: int = 1,
        pad_len: int = 256,
        decoder_dims: tuple[int, int] = (64, 32),
        guidance_in: tuple[int, int] = (256, 128),
        guidance_out: tuple[int, int] = (32, 16),
        attention: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, dim, 7, padding=3)
        self.guidance_projection = _conv_relu(embed_dim, dim)
        self.text_guidance_projection = nn.Sequential(
            nn.Linear(embed_dim, dim), nn.ReLU()
        )
        self.decoder_guidance_projection = nn.ModuleList(
            _conv_relu(a, b)
            for a, b in zip(guidance_in, guidance_out, strict=True)
        )
        self.layers = nn.ModuleList(
            Layer(dim, heads, grid, window, pooling, pad_len)
            for _ in range(layers)
        )
        first, second = decoder_dims
        self.decoder1 = Up(dim, first, guidance_out[0], attention)
        self.decoder2 = Up(first, second, guidance_out[1], attention)
        self.head = nn.Conv2d(second, 1, 3, padding=1)

    def embed(self, correlation: Tensor) -> Tensor:
        """(B, R P, T, h, w) -> (B, D, T, h, w)."""
        classes = correlation.shape[2]
        x = rearrange(correlation, 'b p t h w -> (b t) p h w')
        return rearrange(self.conv1(x), '(b t) c h w -> b c t h w', t=classes)

    def refine(
        self, x: Tensor, text: Tensor, guidance: Tensor
    ) -> list[tuple[Tensor, Tensor]]:
        """Refine the embedding.

        Args:
            x (Tensor): (B, D, T, h, w).
            text (Tensor): (T, P, C), unit length.
            guidance (Tensor): (B, C, h, w).

        Returns:
            list[tuple[Tensor, Tensor]]: For each layer, what comes out of
            the spatial and of the class block.
        """
        guidance = self.guidance_projection(guidance)
        words = F.normalize(text.mean(1), dim=-1)
        words = self.text_guidance_projection(words.expand(len(x), -1, -1))
        stages = []
        for layer in self.layers:
            spatial = layer.swin_block(x, guidance)
            x = layer.attention(spatial, words)
            stages.append((spatial, x))
        return stages

    def decode(self, x: Tensor, guidance: tuple[Tensor, Tensor]) -> Tensor:
        """(B, D, T, h, w) -> logits (B, T, 4h, 4w)."""
        classes = x.shape[2]
        first, second = (
            project(g)
            for project, g in zip(
                self.decoder_guidance_projection, guidance, strict=True
            )
        )
        y = rearrange(x, 'b c t h w -> (b t) c h w')
        y = self.head(self.decoder2(self.decoder1(y, first), second))
        return rearrange(y, '(b t) 1 h w -> b t h w', t=classes)

    def forward(
        self,
        correlation: Tensor,
        text: Tensor,
        guidance: tuple[Tensor, Tensor, Tensor],
    ) -> Tensor:
        """Correlation (B, R P, T, h, w) -> logits (B, T, 4h, 4w)."""
        dense, *decoder = guidance
        stages = self.refine(self.embed(correlation), text, dense)
        return self.decode(stages[-1][1], (decoder[0], decoder[1]))


def _conv_relu(channels: int, out: int) -> nn.Sequential:
    """A projection of guidance."""
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.ReLU())
