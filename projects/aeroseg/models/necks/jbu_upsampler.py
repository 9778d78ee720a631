# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Upsampling of features along the edges of the image (FeatUp, SimFeatUp)."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .neighbourhood import neighbour_products, weighted_neighbours

_STEPS = 4
_FIXUP = 0.1


class JBUStep(nn.Module):
    """Joint bilateral upsampling by two, with learnt weights.

    A pixel is a weighted sum of the bicubically enlarged features around it.
    The weights are those of the distance times those of likeness in the
    image, plus a learnt correction, which may be negative.

    Source: Fu et al., FeatUp, ICLR 2024 (github.com/mhamilton723/FeatUp,
    MIT).

    Args:
        radius (int): Neighbours on each side; D = 2 * radius + 1.
        key_dims (int): Width of the features that likeness is measured by.
    """

    def __init__(self, radius: int, key_dims: int = 32) -> None:
        super().__init__()
        self.radius = radius
        self.side = 2 * radius + 1
        neighbours = self.side**2
        self.range_temp = nn.Parameter(torch.zeros(()))
        self.sigma_spatial = nn.Parameter(torch.ones(()))
        self.range_proj = _perceptron(3, key_dims, key_dims)
        self.fixup_proj = _perceptron(neighbours + 3, neighbours, neighbours)

    def spatial_kernel(self) -> Tensor:
        """Weights of the distance, (1, D * D, 1, 1); the edge is at 1."""
        axis = torch.linspace(
            -1, 1, self.side, device=self.sigma_spatial.device
        )
        square = axis[:, None] ** 2 + axis**2
        kernel = torch.exp(-square / (2 * self.sigma_spatial**2))
        return kernel.reshape(1, -1, 1, 1)

    def range_kernel(self, guidance: Tensor) -> Tensor:
        """Weights of likeness in the image, (B, D * D, H, W)."""
        temperature = self.range_temp.exp().clamp(1e-4, 1e4)
        keys = self.range_proj(guidance)
        products = neighbour_products(keys, self.side)
        return (temperature * products).softmax(dim=1)

    def forward(self, source: Tensor, guidance: Tensor) -> Tensor:
        """Upsample.

        Args:
            source (Tensor): (B, C, h, w).
            guidance (Tensor): The normalised image, (B, 3, 2h, 2w).

        Returns:
            Tensor: (B, C, 2h, 2w).
        """
        weights = self.range_kernel(guidance) * self.spatial_kernel()
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-7)
        both = torch.cat([weights, guidance], dim=1)
        weights = weights + _FIXUP * self.fixup_proj(both)
        size = guidance.shape[2:]
        enlarged = F.interpolate(
            source, size, mode='bicubic', align_corners=False
        )
        return weighted_neighbours(enlarged, weights)


@MODELS.register_module()
class JBUUpsampler(BaseModule):
    """Four steps of joint bilateral upsampling: features x 16.

    Names of the weights are the published ones. They are trained for the
    features of one CLIP model and fit no other.

    Args:
        in_channels (int): C, the width of the features.
        kind (str): 'jbu_one' (SimFeatUp of SegEarth-OV, CVPR 2025): one step
            with radius 5, used four times; 'jbu_stack' (FeatUp): four steps
            of their own with radius 3.
        init_cfg (dict, optional): ``dict(type='JBUPretrained',
            checkpoint=...)``.

    Raises:
        ValueError: If the kind is unknown.
    """

    def __init__(
        self,
        in_channels: int = 512,
        kind: str = 'jbu_one',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if kind not in ('jbu_one', 'jbu_stack'):
            raise ValueError(
                f"kind={kind!r}; allowed are 'jbu_one' and 'jbu_stack'"
            )
        self.in_channels = in_channels
        self.kind = kind
        names = ('up',) * _STEPS
        if kind == 'jbu_stack':
            names = tuple(f'up{i + 1}' for i in range(_STEPS))
        for name in dict.fromkeys(names):
            self.add_module(name, JBUStep(5 if kind == 'jbu_one' else 3))
        self._names = names
        self.fixup_proj = nn.Sequential(
            nn.Dropout2d(0.2), nn.Conv2d(in_channels, in_channels, 1)
        )
        self.requires_grad_(False)
        self.eval()

    @property
    def min_cells(self) -> int:
        """Cells a grid needs along each side, for reflection at its border."""
        return getattr(self, self._names[0]).radius // 2 + 1

    def train(self, mode: bool = True) -> 'JBUUpsampler':
        """Nothing is trained here; the module stays in eval mode."""
        del mode
        return super().train(False)

    def forward(self, source: Tensor, image: Tensor) -> Tensor:
        """Upsample.

        Args:
            source (Tensor): Projected patch features, not of unit length,
                (B, C, h, w); h and w at least :attr:`min_cells`.
            image (Tensor): The image as CLIP saw it, normalised, of any
                size, (B, 3, H, W).

        Returns:
            Tensor: (B, C, 16h, 16w).
        """
        x = source
        for name in self._names:
            size = (2 * x.shape[2], 2 * x.shape[3])
            guidance = F.adaptive_avg_pool2d(image, size)
            x = getattr(self, name)(x, guidance)
        return x + _FIXUP * self.fixup_proj(x)


def _perceptron(channels: int, hidden: int, out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.GELU(),
        nn.Dropout2d(0.1),
        nn.Conv2d(hidden, out, 1),
    )
