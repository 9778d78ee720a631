# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP's convolutional image tower, dense and with its stages."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

from ..layers.clip_towers import ClipModel, build_convnext_tower
from .rotated_clip import CLIPFeatures

_STRIDE = 32  # of a ConvNeXt's last stage


@MODELS.register_module()
class ConvNeXtCLIP(BaseModule):
    """The hierarchical encoder of SED (Xie et al., CVPR 2024, section 3.2).

    The dense features are the last stage after the head's norm and
    projection at every place, without pooling. The stages come out raw.

    Args:
        model (str | dict): open_clip model name or config of a ConvNeXt, for
            example 'convnext_base_w_320' or 'convnext_large_d_320'.
        input_size (Sequence[int], optional): Images of any size are resized
            to this (H, W), after normalising, bilinear, whatever their ratio:
            (768, 768) as published for SED. None: as they come, in multiples
            of the stride.
        drop_path (float): Rate of stochastic depth in training; as published
            0 for the base model and 0.1 for the large one. (The open_clip
            config says 0.1 for both.)
        dropout (float): Rate in the head in training; as published 0 for the
            base model and 0.1 for the large one.
        trainable (str): 'all' (SED) or 'none'.
        with_cp (bool | int): Recompute activations in the backward pass, of
            all blocks.
        init_cfg (dict, optional): ``dict(type='CLIPPretrained',
            checkpoint=...)``.

    Raises:
        ValueError: If the model is no ConvNeXt, or an argument is not one of
            those allowed.
    """

    def __init__(
        self,
        model: ClipModel = 'convnext_base_w_320',
        input_size: Sequence[int] | None = None,
        drop_path: float = 0.0,
        dropout: float = 0.0,
        trainable: str = 'all',
        with_cp: bool | int = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model = model
        self.input_size = None if input_size is None else tuple(input_size)
        self._check(trainable)
        self.visual: Any = build_convnext_tower(model, drop_path, dropout)
        self.visual.requires_grad_(trainable == 'all')
        self.visual.trunk.set_grad_checkpointing(bool(with_cp))
        for name, value in (
            ('mean', OPENAI_DATASET_MEAN),
            ('std', OPENAI_DATASET_STD),
        ):
            pixel = 255 * torch.tensor(value).view(3, 1, 1)
            self.register_buffer(name, pixel, persistent=False)

    def _check(self, trainable: str) -> None:
        if trainable not in ('all', 'none'):
            raise ValueError(
                f"trainable={trainable!r}; allowed are 'all' and 'none' (a "
                'ConvNeXt has no query and value projections)'
            )
        size = self.input_size
        if size and (len(size) != 2 or any(side % _STRIDE for side in size)):
            raise ValueError(
                f'input_size={size}; give (height, width) in multiples of '
                f'{_STRIDE} px, for example (768, 768)'
            )

    @property
    def stride(self) -> int:
        """Sides of the images must be multiples of so many pixels."""
        return _STRIDE if self.input_size is None else 1

    @property
    def embed_dims(self) -> int:
        """C, the width of the space that image and text share."""
        return self.visual.head[-1].out_features

    @property
    def stage_channels(self) -> tuple[int, ...]:
        """Channels of the four stages, from the finest to the coarsest."""
        info = self.visual.trunk.feature_info
        return tuple(stage['num_chs'] for stage in info)

    def forward(self, image: Tensor) -> CLIPFeatures:
        """Encode.

        Args:
            image (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.

        Returns:
            CLIPFeatures: ``dense`` (B, 1, C, h, w) on a grid of H / 32 x
            W / 32; ``intermediate``: the four stages, (B, C_i, s h, s w) with
            s = 8, 4, 2, 1.

        Raises:
            ValueError: If H or W is not a multiple of the stride.
        """
        x, stages = self._prepare(image), []
        trunk, head = self.visual.trunk, self.visual.head
        x = trunk.stem(x)
        for stage in trunk.stages:
            x = stage(x)
            stages.append(x)
        x = trunk.head.norm(trunk.norm_pre(x))
        dense = head(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return CLIPFeatures(dense[:, None], tuple(stages))

    def _prepare(self, image: Tensor) -> Tensor:
        """Normalise, then resize."""
        size = (image.shape[2], image.shape[3])
        if size[0] % self.stride or size[1] % self.stride:
            raise ValueError(
                f'the image is {size[0]} x {size[1]} px; both must be '
                f'multiples of the stride, {self.stride}: set size_divisor='
                f'{self.stride} in the data preprocessor, or input_size in '
                'the backbone'
            )
        x = (image - self.mean) / self.std
        if self.input_size in (None, size):
            return x
        return F.interpolate(
            x, self.input_size, mode='bilinear', align_corners=False
        )
