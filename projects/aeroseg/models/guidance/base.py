# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What every guidance encoder has in common."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from .feature_cache import FeatureCache, digest

if TYPE_CHECKING:
    from aeroseg.models.backbones.rotated_clip import CLIPFeatures, RotatedCLIP

Features = tuple[Tensor, Tensor, Tensor]


class GuidanceEncoder(BaseModule, metaclass=ABCMeta):
    """Image -> three feature maps (F1, F2, F3) on one grid.

    F1 is the shallowest map and F3 the deepest: F3 guides the spatial
    refinement and is the target of back-projection, F2 and F1 guide the
    decoder. All three lie on the grid h = H / stride, w = W / stride, the
    grid of the image-text correlation.

    A frozen encoder is a constant: ``train`` leaves it in eval mode, and
    neither its parameters nor its forward pass record gradients.

    Args:
        stride (int): Image pixels per grid cell, along each axis.
        patch_size (int): Pixels per cell of the encoder's own grid. Where it
            differs from ``stride``, the image is resized by
            ``patch_size / stride`` (bilinear, antialiased) before it enters
            the encoder.
        mean (tuple[float, float, float]): Mean of R, G, B in 0-255.
        std (tuple[float, float, float]): Standard deviation of R, G, B.
        frozen (bool): Whether the encoder is a constant.
        cache (dict | None): Arguments of :class:`FeatureCache`, to keep the
            features of a frozen encoder on disk; None: no cache.
        init_cfg (dict | list[dict] | None): mmengine's initialisation config.
    """

    out_channels: tuple[int, int, int]

    def __init__(
        self,
        stride: int = 16,
        patch_size: int = 16,
        mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
        std: tuple[float, float, float] = (1.0, 1.0, 1.0),
        frozen: bool = True,
        cache: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if cache is not None and not frozen:
            raise ValueError(
                'only the features of a frozen encoder can be cached: set '
                'frozen=True or cache=None'
            )
        if stride < 1 or patch_size < 1:
            raise ValueError(
                f'stride={stride}, patch_size={patch_size}; both are '
                'pixels, at least 1'
            )
        self.stride = stride
        self.patch_size = patch_size
        self.frozen = frozen
        self.cache = None if cache is None else FeatureCache(**cache)
        self._known: tuple[object, str] | None = None
        self.mean: Tensor
        self.std: Tensor
        for name, values in (('mean', mean), ('std', std)):
            tensor = torch.tensor(values).view(1, 3, 1, 1)
            self.register_buffer(name, tensor, persistent=False)

    def bind(self, backbone: RotatedCLIP) -> None:
        """Read sizes from the backbone; called when the model is built."""

    @abstractmethod
    def encode(self, image: Tensor, clip: CLIPFeatures | None) -> Features:
        """Compute the features of a normalised image.

        Args:
            image (Tensor): (B, 3, h * patch_size, w * patch_size), normalised.
            clip (CLIPFeatures | None): Features of the CLIP backbone.

        Returns:
            tuple[Tensor, Tensor, Tensor]: F1, F2, F3, each (B, C_i, h, w).
        """

    def forward(
        self, image: Tensor, clip: CLIPFeatures | None = None
    ) -> Features:
        """Compute the three guidance maps.

        Args:
            image (Tensor): (B, 3, H, W), RGB, 0-255, H and W multiples of
                ``stride``.
            clip (CLIPFeatures | None): Features of the CLIP backbone, for
                encoders that read them.

        Returns:
            tuple[Tensor, Tensor, Tensor]: F1, F2, F3 (shallow to deep), each
            (B, C_i, H / stride, W / stride), C_i as in ``out_channels``.

        Raises:
            ValueError: If the image is not RGB or not a multiple of the
                stride.
        """
        self._check(image)
        if self.cache is not None:
            return self._recall(self.cache, image)
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not self.frozen
        ):
            return self.encode(self.normalise(image), clip)

    @property
    def settings(self) -> dict[str, object]:
        """What the features depend on besides the weights."""
        return {
            'type': type(self).__name__,
            'stride': self.stride,
            'patch_size': self.patch_size,
        }

    @torch.no_grad()
    def _recall(self, cache: FeatureCache, image: Tensor) -> Features:
        """Features from the cache, or computed and stored there."""
        first, second, third = cache.recall(
            self._digest(image.device.type),
            image,
            lambda missing: self.encode(self.normalise(missing), None),
        )
        return first, second, third

    def _digest(self, device: str) -> str:
        """A digest of this encoder in its current state."""
        autocast = torch.is_autocast_enabled(device)
        precision = torch.get_autocast_dtype(device) if autocast else None
        settings = {**self.settings, 'precision': precision}
        weights = list(self.parameters())
        state = (settings, [(w.data_ptr(), w._version) for w in weights])
        if self._known is None or self._known[0] != state:
            tensors = [self.mean, self.std, *weights]
            self._known = (state, digest(tensors, settings))
        return self._known[1]

    def normalise(self, image: Tensor) -> Tensor:
        """Normalise an RGB image and resize it to the encoder's own scale.

        Args:
            image (Tensor): (B, 3, H, W), RGB, 0-255.

        Returns:
            Tensor: (B, 3, H * patch_size / stride, W * patch_size / stride).
        """
        image = (image - self.mean) / self.std
        if self.patch_size == self.stride:
            return image
        size = [n // self.stride * self.patch_size for n in image.shape[-2:]]
        return F.interpolate(image, size, mode='bilinear', antialias=True)

    def train(self, mode: bool = True) -> GuidanceEncoder:
        """Set the mode; a frozen encoder stays in eval mode."""
        return super().train(mode and not self.frozen)

    def _freeze(self) -> None:
        """Make the parameters constant; called when they are built."""
        self.requires_grad_(False)
        self.eval()

    def _check(self, image: Tensor) -> None:
        """Raise ValueError for an image that the encoder cannot take."""
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(
                f'{type(self).__name__} takes RGB images as (B, 3, H, W); '
                f'got {tuple(image.shape)}.'
            )
        height, width = image.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f'{type(self).__name__} takes images whose sides are '
                f'multiples of its stride, {self.stride} px; got '
                f'{height} x {width}. '
                'Pad the image, or set size_divisor in the data preprocessor.'
            )
