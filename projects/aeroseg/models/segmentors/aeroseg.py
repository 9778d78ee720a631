# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""AerOSeg: the parts of the paper in the order of its data flow."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from aeroseg.vocabulary import Vocabulary

from ..features import AerOSegFeatures, ImageFeatures, split_images
from ..necks.correlation_neck import correlate
from .open_vocab import OpenVocabSegmentor

_LEFT_OUT = -100.0  # as published


@MODELS.register_module()
class AerOSeg(OpenVocabSegmentor):
    """Open-vocabulary segmentation of remote-sensing images.

    image -> backbone, guidance encoder; vocabulary -> text encoder; all of
    them -> neck -> decode head (and auxiliary head in training). Sizes that
    follow from other parts (channels, number of maps) are filled in; a config
    names what is a choice.

    Args:
        backbone (dict): Image tower; see :class:`RotatedCLIP`.
        text_encoder (dict): Text tower; see :class:`OpenCLIPTextEncoder`.
        guidance_encoder (dict): See :class:`SAMGuidance`.
        neck (dict): See :class:`CorrelationNeck`.
        decode_head (dict): See :class:`AttentionUpsampleHead`.
        auxiliary_head (dict, optional): See :class:`BackProjectionHead`.
        vocabulary (dict | Vocabulary, optional): Training vocabulary; see
            :meth:`Vocabulary.build`. Needed with an auxiliary head, whose
            size depends on the number of training classes.
        best_classes (int): With more classes than that, a test keeps those
            of each image that correlate most with any cell, and gives the
            others a logit of -100: the rule of CAT-Seg's published code, with
            256. 0 keeps all.
        train_cfg (dict, optional): See :class:`OpenVocabSegmentor`.
        test_cfg (dict, optional): As above.
        data_preprocessor (dict, optional): As above.
        init_cfg (dict, optional): As above.
        pretrained (None): As above.

    Raises:
        ValueError: If an auxiliary head is given without a vocabulary.
    """

    def __init__(
        self,
        backbone: dict,
        text_encoder: dict,
        guidance_encoder: dict,
        neck: dict,
        decode_head: dict,
        auxiliary_head: dict | None = None,
        vocabulary: Mapping[str, Any] | Vocabulary | None = None,
        best_classes: int = 0,
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
        self.best_classes = best_classes
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(text_encoder)
        self.guidance_encoder = MODELS.build(guidance_encoder)
        self.guidance_encoder.bind(self.backbone)
        self.neck = MODELS.build(
            neck,
            default_args={
                'in_channels': len(self.backbone.rotations)
                * self.text_encoder.num_prompts,
                'guidance_channels': self.guidance_encoder.out_channels[-1],
                'text_channels': self.text_encoder.embed_dims,
            },
        )
        self.decode_head = MODELS.build(
            decode_head,
            default_args={
                'in_channels': self.neck.embed_dims,
                'guidance_channels': self.guidance_encoder.out_channels,
            },
        )
        self.align_corners = self.decode_head.align_corners
        self.class_chunk = self.decode_head.class_chunk
        if auxiliary_head is not None:
            self._init_auxiliary_head(auxiliary_head)

    def _init_auxiliary_head(self, auxiliary_head: dict) -> None:
        if self._vocabulary is None:
            raise ValueError(
                'the auxiliary head needs the training classes: give the '
                "model a vocabulary, dict(dataset='ISAID15Dataset', "
                "classes='seen') for example, or leave auxiliary_head out"
            )
        channels = {
            'guidance': self.guidance_encoder.out_channels[-1],
            'clip': self.backbone.embed_dims,
            'rgb': 3,
        }
        config = copy.deepcopy(auxiliary_head)
        target = config.setdefault('target', 'guidance')
        self.auxiliary_head = MODELS.build(
            config,
            default_args={
                'num_classes': len(self._vocabulary),
                'in_channels': self.neck.embed_dims,
                'out_channels': channels.get(target, 0),
            },
        )

    @property
    def stride(self) -> int:
        """Pixels per cell of the backbone's grid."""
        return self.backbone.stride

    def extract_feat(self, inputs: Tensor) -> AerOSegFeatures:
        """Image -> everything the heads look at.

        Args:
            inputs (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
        """
        text = self.text_encoder(self.vocabulary.queries)
        return self.refine(self.encode_images(inputs), text)

    def encode_images(self, images: Tensor) -> ImageFeatures:
        """See :class:`OpenVocabSegmentor`."""
        return ImageFeatures.of(images, self.backbone, self.guidance_encoder)

    def refine(self, seen: ImageFeatures, text: Tensor) -> AerOSegFeatures:
        """See :class:`AerOSegFeatures`."""
        return AerOSegFeatures.of(seen, text, self.neck)

    def decode_maps(self, features: ImageFeatures) -> Tensor:
        """See :class:`OpenVocabSegmentor`; (B, T + K, 4 h, 4 w)."""
        text = self.text_encoder(self.vocabulary.queries)
        if self.best_classes and len(text) > self.best_classes:
            images = split_images(features)
            return torch.cat([self._maps_of_best(one, text) for one in images])
        return self.decode_head(self.refine(features, text))

    def _maps_of_best(self, seen: ImageFeatures, text: Tensor) -> Tensor:
        """Maps of one image, -100 but for the classes that fit it best."""
        parts = text.split(self.class_chunk)
        fit = torch.cat([correlate(seen.clip.dense, p)[0] for p in parts])
        best = fit.flatten(1).amax(dim=1).topk(self.best_classes).indices
        maps = self.decode_head(self.refine(seen, text[best]))
        filled = maps.new_full((1, len(text), *maps.shape[2:]), _LEFT_OUT)
        return filled.index_copy(1, best, maps)
