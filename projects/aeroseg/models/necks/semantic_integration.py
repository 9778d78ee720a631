# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SCAN's semantic integration: what CLIP sees flows into the queries."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..backbones.block_clip import BlockFeatures


class FrequencyFilter(nn.Module):
    """Learns on the spectrum of a map, after a fixed filter.

    Args:
        channels (int): Of the map.
        centred (bool): False, as published: the spectrum is not shifted, so
            that the Gaussian sits on the highest frequencies and the filter
            damps them. True: on the lowest, a true high-pass filter.
    """

    def __init__(self, channels: int, centred: bool = False) -> None:
        super().__init__()
        self.centred = centred
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels, 1),
            nn.ReLU(),
            nn.Conv2d(2 * channels, 2 * channels, 1),
        )

    def forward(self, x: Tensor, sigma: float) -> Tensor:
        """Filter a map.

        Args:
            x (Tensor): (B, C, h, w).
            sigma (float): Of the Gaussian that is cut out, in bins.

        Returns:
            Tensor: (B, C, h, w).
        """
        spectrum = torch.fft.fft2(x.float())
        gain = frequency_gain(x.shape[2:], sigma, x.device)
        if self.centred:
            gain = torch.fft.ifftshift(gain)
        spectrum = spectrum * gain
        stacked = torch.cat([spectrum.real, spectrum.imag], dim=1)
        real, imaginary = self.mix(stacked.to(x.dtype)).float().chunk(2, 1)
        back = torch.fft.ifft2(torch.complex(real, imaginary)).real
        return x + back.to(x.dtype)


def frequency_gain(
    grid: Sequence[int], sigma: float, device: torch.device | None = None
) -> Tensor:
    """One minus a Gaussian around the middle (h // 2, w // 2), (h, w)."""
    height, width = (
        torch.arange(side, device=device) - side // 2 for side in grid
    )
    distance = height[:, None] ** 2 + width**2
    return 1 - torch.exp(-distance / (2 * sigma**2))


@MODELS.register_module()
class SemanticIntegration(BaseModule):
    """Features of the queries, with CLIP's own features mixed in.

    Written from facts about SCAN (arXiv:2312.04089). CLIP's maps pass one
    filter of frequencies each, the queries attend to all their cells, the
    embedding of the image is added, and a transformer encoder ends it. There
    each query is a sequence of its own, as published.

    Args:
        clip_channels (int): Width of CLIP's maps.
        embed_dims (int): D, width of queries and text.
        sigmas (Sequence[float]): Of the filters, shallow to deep, in bins.
        centred (bool): See :class:`FrequencyFilter`.
        num_cross (int): Layers in which the queries look at the maps.
        num_layers (int): Layers of the encoder.
        num_heads (int): Heads of all attention.
        hidden_dims (int): Width inside the perceptrons of the encoder.
        dropout (float): In the encoder.
        query_attention (bool): Whether the encoder lets queries see each
            other; published: False.
        init_cfg (dict, optional): mmengine initialisation.
    """

    def __init__(
        self,
        clip_channels: int,
        embed_dims: int,
        sigmas: Sequence[float] = (9.0, 7.0, 3.0),
        centred: bool = False,
        num_cross: int = 5,
        num_layers: int = 5,
        num_heads: int = 8,
        hidden_dims: int = 2048,
        dropout: float = 0.1,
        query_attention: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.sigmas = tuple(sigmas)
        self.query_attention = query_attention
        self.filter = FrequencyFilter(clip_channels, centred)
        self.project = nn.Sequential(
            nn.Linear(clip_channels, embed_dims),
            nn.Linear(embed_dims, embed_dims),
        )
        self.cross = nn.ModuleList(
            nn.MultiheadAttention(embed_dims, num_heads, batch_first=True)
            for _ in range(num_cross)
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(embed_dims) for _ in range(num_cross - 1)
        )
        self.scale = nn.Parameter(torch.tensor(0.1))
        layer = nn.TransformerEncoderLayer(
            embed_dims, num_heads, hidden_dims, dropout, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(
            layer, num_layers, enable_nested_tensor=False
        )

    def look(self, clip: BlockFeatures) -> Tensor:
        """CLIP's cells as the queries see them, (B, N, D)."""
        maps = [
            self.filter(feature, sigma).flatten(2).transpose(1, 2)
            for feature, sigma in zip(clip.maps, self.sigmas, strict=True)
        ]
        return self.project(torch.cat(maps, dim=1))

    def forward(
        self, queries: Tensor, cells: Tensor, embedding: Tensor
    ) -> Tensor:
        """Mix.

        Args:
            queries (Tensor): (B, Q, D).
            cells (Tensor): Of :meth:`look`, (B, N, D).
            embedding (Tensor): Of the image, unit length, (B, D).

        Returns:
            Tensor: Unit features, (B, Q, D).
        """
        x = queries
        for index, attention in enumerate(self.cross):
            found, _ = attention(x, cells, cells, need_weights=False)
            x = x + found
            if index < len(self.norms):
                x = self.norms[index](x)
        x = x + self.scale * embedding[:, None]
        if self.query_attention:
            return F.normalize(self.encoder(x), dim=-1)
        alone = self.encoder(x.flatten(0, 1)[:, None])[:, 0]
        return F.normalize(alone.unflatten(0, x.shape[:2]), dim=-1)
