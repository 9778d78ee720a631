# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SAN: masks of a small network next to CLIP, recognised by CLIP itself."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from mmseg.utils import SampleList, add_prefix
from torch import Tensor, nn

from aeroseg.vocabulary import Vocabulary

from ..features import MaskFeatures
from .mask_query import MaskQuerySegmentor


@MODELS.register_module()
class SAN(MaskQuerySegmentor):
    """Side Adapter Network (CVPR 2023, arXiv:2302.12242).

    image -> CLIP's first blocks -> side network -> masks and attention biases
    -> CLIP's last blocks -> a feature per mask -> similarity to the words.

    Args:
        backbone (dict): See :class:`SplitCLIP`.
        text_encoder (dict): See :class:`OpenCLIPTextEncoder`; frozen.
        decode_head (dict): See :class:`SideAdapterHead`.
        logit_scale (float): Factor of the similarities; 100 is that of the
            published CLIPs.
        vocabulary (dict | Vocabulary, optional): See
            :class:`OpenVocabSegmentor`, as the rest.
        train_cfg (dict, optional): As above.
        test_cfg (dict, optional): As above.
        data_preprocessor (dict, optional): As above.
        init_cfg (dict, optional): As above.
        pretrained (None): As above.
    """

    def __init__(
        self,
        backbone: dict,
        text_encoder: dict,
        decode_head: dict,
        logit_scale: float = 100.0,
        vocabulary: Mapping[str, Any] | Vocabulary | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
        pretrained: None = None,
    ) -> None:
        super().__init__(
            vocabulary,
            train_cfg,
            test_cfg,
            data_preprocessor,
            init_cfg,
            pretrained,
        )
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(text_encoder)
        self.decode_head = MODELS.build(
            decode_head,
            default_args={
                'clip_channels': self.backbone.hidden_dims,
                'clip_heads': self.backbone.num_heads,
                'num_maps': len(self.backbone.map_indices),
            },
        )
        self.logit_scale = logit_scale
        self._init_no_class()

    @property
    def stride(self) -> int:
        """Multiple of a cell of CLIP and of a patch of the side network."""
        patch = self.decode_head.side_adapter_network.patch_embed.projection
        return math.lcm(self.backbone.stride, patch.stride[0])

    def forward_queries(
        self, images: Tensor, every: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Masks and what they show.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
            every (bool): Also those of the supervised blocks, first.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Mask logits (B, Q, h, w), and
            class logits (B, Q, T + K + 1): classes, background words, none.
        """
        masks, shown = self._look(images, every)
        words = self._word_features().T
        return masks, [features @ words for features in shown]

    def _look(
        self, images: Tensor, every: bool
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Mask logits (B, Q, h, w) and features of the masks (B, Q, C)."""
        x = self.backbone.normalise(images)
        first = self.backbone(x)
        masks, biases = self.decode_head(x, first.maps, every)
        return masks, [self.backbone.recognise(first, b) for b in biases]

    def encode_images(self, images: Tensor) -> MaskFeatures:
        """See :class:`OpenVocabSegmentor`."""
        masks, shown = self._look(images, every=False)
        height, width = images.shape[2:]
        return MaskFeatures(masks[-1], shown[-1], height, width)

    def decode_maps(self, features: MaskFeatures) -> Tensor:
        """See :class:`OpenVocabSegmentor`; (B, T + K, H, W)."""
        queries, shown, *size = features
        masks = F.interpolate(
            queries, size, mode='bilinear', align_corners=False
        )
        logits = shown @ self._word_features().T
        classes = logits.softmax(dim=-1)[..., :-1]
        return torch.einsum('bqt,bqhw->bthw', classes, masks.sigmoid())

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of the matched masks.

        Args:
            inputs (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
            data_samples (list[SegDataSample]): With ``gt_sem_seg``.
        """
        masks, logits = self.forward_queries(inputs, every=True)
        losses = self.decode_head.loss_of_queries(logits, masks, data_samples)
        return add_prefix(losses, 'decode')
