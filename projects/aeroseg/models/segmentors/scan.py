# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""SCAN: a Mask2Former with CLIP in its queries and in its crops."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from mmseg.utils import SampleList, add_prefix
from torch import Tensor, nn

from aeroseg.vocabulary import Vocabulary

from ..backbones.block_clip import BlockFeatures, crop_masks
from .mask_query import MaskQuerySegmentor

_MEAN = (123.675, 116.28, 103.53)  # of ImageNet, RGB 0-255
_STD = (58.395, 57.12, 57.375)
_SCALE = 100.0  # factor of the similarities, fixed as published


@MODELS.register_module()
class SCAN(MaskQuerySegmentor):
    """SCAN (Liu et al., CVPR 2024, arXiv:2312.04089), from facts about it.

    image -> backbone -> pixel decoder -> queries with masks; CLIP's maps ->
    integration -> a feature per query -> similarity to the words. In the
    test a second CLIP looks at the crop of each mask; the two probabilities
    are multiplied with exponents 1 - w and w. The score of a class is the
    sum over the queries of its probability times the mask.

    Only the first of the published training stages is here. The second one
    trains the CLIP of the crops on masked crops of other data; any CLIP
    weights can be given to it.

    Args:
        backbone (dict): Of mmseg, with four stages from a stride of 4 on.
        neck (dict): See :class:`DeformablePixelDecoder`.
        decode_head (dict): See :class:`MaskedAttentionHead`.
        integration (dict): See :class:`SemanticIntegration`.
        clip (dict): See :class:`BlockCLIP`; frozen.
        text_encoder (dict): See :class:`OpenCLIPTextEncoder`; frozen.
        crop_clip (dict, optional): Like `clip`, for the crops. Default:
            without crops, stage 1 alone.
        crop_weight (float): w, 0 (without crops) to 1.
        mask_threshold (float): A crop shows what its mask is surer of.
        shift_ratio (float): Share of a crop's background tokens that are
            replaced; see :meth:`BlockCLIP.recognise`.
        crop_chunk (int): Crops per pass.
        crop_seed (int): Of the tokens that are replaced; every image starts
            with it, so that its result does not depend on others.
        logit_scale (float): Factor of the similarities.
        vocabulary (dict | Vocabulary, optional): See
            :class:`OpenVocabSegmentor`, as the rest.
        train_cfg (dict, optional): As above.
        test_cfg (dict, optional): As above.
        data_preprocessor (dict, optional): As above.
        init_cfg (dict, optional): As above.
        pretrained (None): As above.

    Raises:
        ValueError: If a share is not between 0 and 1.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        decode_head: dict,
        integration: dict,
        clip: dict,
        text_encoder: dict,
        crop_clip: dict | None = None,
        crop_weight: float = 0.7,
        mask_threshold: float = 0.4,
        shift_ratio: float = 0.15,
        crop_chunk: int = 16,
        crop_seed: int = 0,
        logit_scale: float = _SCALE,
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
        for name, value in (
            ('crop_weight', crop_weight),
            ('mask_threshold', mask_threshold),
            ('shift_ratio', shift_ratio),
        ):
            if not 0 <= value <= 1:
                raise ValueError(f'{name}={value}; allowed are 0 to 1')
        self.crop_weight = crop_weight if crop_clip else 0.0
        self.mask_threshold = mask_threshold
        self.shift_ratio = shift_ratio
        self.crop_chunk = crop_chunk
        self.crop_seed = crop_seed
        self.logit_scale = logit_scale
        self.backbone = MODELS.build(backbone)
        self.clip = MODELS.build(clip)
        self.crop_clip = MODELS.build(crop_clip) if crop_clip else None
        self.text_encoder = MODELS.build(text_encoder)
        width = self.text_encoder.embed_dims
        self.neck = MODELS.build(neck)
        self.decode_head = MODELS.build(
            decode_head,
            default_args={
                'embed_dims': self.neck.embed_dims,
                'mask_dims': self.neck.mask_dims,
                'num_levels': self.neck.num_levels,
                'feature_dims': width,
            },
        )
        self.integration = MODELS.build(
            integration,
            default_args={
                'clip_channels': self.clip.hidden_dims,
                'embed_dims': width,
            },
        )
        self._init_no_class()
        for name, pixel in (('mean', _MEAN), ('std', _STD)):
            constant = torch.tensor(pixel).view(3, 1, 1)
            self.register_buffer(name, constant, persistent=False)

    @property
    def stride(self) -> int:
        """Of the coarsest stage of the backbone."""
        return 32

    def forward_queries(
        self, images: Tensor, clip: BlockFeatures, every: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Masks and what they show.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
            clip (BlockFeatures): Of the same images.
            every (bool): Of all layers of the decoder, not of the last.

        Returns:
            tuple[list[Tensor], list[Tensor]]: Mask logits (B, Q, h, w), and
            class logits (B, Q, T + K + 1): classes, background words, none.
        """
        pixels, levels = self.neck(
            self.backbone((images - self.mean) / self.std)
        )
        features, masks = self.decode_head(pixels, levels)
        if not every:
            features, masks = features[-1:], masks[-1:]
        cells = self.integration.look(clip)
        words = self._word_features().T
        return masks, [
            self.integration(feature, cells, clip.embedding) @ words
            for feature in features
        ]

    def decode_maps(self, images: Tensor) -> Tensor:
        """See :class:`OpenVocabSegmentor`; (B, T + K, H, W)."""
        clip = self.clip(images)
        queries, logits = self.forward_queries(images, clip)
        masks = F.interpolate(
            queries[-1], images.shape[2:], mode='bilinear', align_corners=False
        ).sigmoid()
        inside = logits[-1].softmax(dim=-1)[..., :-1]
        if self.crop_weight:
            outside = torch.stack(
                [
                    self._recognise_crops(image, mask, tokens)
                    for image, mask, tokens in zip(
                        self.clip.normalise(images),
                        masks,
                        clip.class_tokens.unbind(dim=1),
                        strict=True,
                    )
                ]
            )
            share = self.crop_weight
            inside = inside ** (1 - share) * outside**share
        return torch.einsum('bqt,bqhw->bthw', inside, masks)

    @torch.no_grad()
    def _recognise_crops(
        self, image: Tensor, masks: Tensor, class_tokens: Tensor
    ) -> Tensor:
        """What the crop of each mask shows, (Q, T + K); 1 without a crop."""
        assert self.crop_clip is not None
        shown = masks > self.mask_threshold
        words = self._word_features()[:-1].T
        found = masks.new_ones(len(masks), words.shape[1])
        grid = self.crop_clip.visual.grid_size
        draws = torch.rand(
            (len(self.crop_clip.shift_blocks), len(masks), grid[0] * grid[1]),
            generator=torch.Generator().manual_seed(self.crop_seed),
        ).to(masks.device)
        valid = shown.flatten(1).any(dim=1).nonzero()[:, 0]
        for part in valid.split(self.crop_chunk) if len(valid) else ():
            crops, inside = crop_masks(image, shown[part], self.crop_clip.size)
            patches = F.adaptive_max_pool2d(inside.float(), grid) > 0
            features = self.crop_clip.recognise(
                crops,
                patches.flatten(1),
                class_tokens,
                self.shift_ratio,
                draws[:, part],
            )
            found[part] = (features @ words).softmax(dim=-1)
        return found

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of the matched masks, without the crops.

        Args:
            inputs (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
            data_samples (list[SegDataSample]): With ``gt_sem_seg``.
        """
        masks, logits = self.forward_queries(inputs, self.clip(inputs), True)
        losses = self.decode_head.loss_of_queries(logits, masks, data_samples)
        return add_prefix(losses, 'decode')
