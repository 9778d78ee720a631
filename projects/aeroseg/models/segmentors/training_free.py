# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Segmentation by CLIP as it is: the training-free methods as one system."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from aeroseg.background import best_class
from aeroseg.vocabulary import Vocabulary

from .open_vocab import OpenVocabSegmentor

_BACKGROUND = 255


@MODELS.register_module()
class TrainingFreeSegmentor(OpenVocabSegmentor):
    """Cosines of dense CLIP features and words; nothing is trained.

    The method is chosen by the parts: plain dense CLIP, MaskCLIP, SCLIP,
    ClearCLIP by the backbone's ``attention`` and ``residual``; ProxyCLIP with
    a ``proxy_encoder``; SegEarth-OV with ``global_bias`` and ``upsampler``.
    The defaults are SegEarth-OV's (CVPR 2025), without upsampling.

    Every word is a query of its own. Cosines are enlarged, averaged over
    windows and brought to the original size; then a softmax over all queries
    follows, and a class has the highest probability of its words. The
    probabilities of all classes therefore add up to 1 or less.

    Args:
        backbone (dict): See :class:`DenseCLIP`.
        text_encoder (dict): See :class:`OpenCLIPTextEncoder`.
        proxy_encoder (dict, optional): Model whose features replace CLIP's
            attention: :class:`DINOGuidance` or another guidance encoder, of
            which the deepest map is taken.
        upsampler (dict, optional): See :class:`JBUUpsampler`.
        global_bias (float): Share of the class token's cosines that is added
            to those of every patch; negative to take away what the whole
            image has in common.
        logit_scale (float): Cosines times this go into the softmax; the
            temperature is its inverse. 40 for SCLIP and ProxyCLIP.
        synonyms (str): Words of one class: 'max' (as published: each is a
            query) or 'mean' (their features are averaged, as AerOSeg does).
        threshold (float, optional): Pixels whose best probability is below
            it are background, where the vocabulary has no threshold of its
            own. With 'max', words of a class share its probability.
        vocabulary (dict | Vocabulary, optional): First vocabulary.
        train_cfg (dict, optional): Not used.
        test_cfg (dict, optional): See :class:`OpenVocabSegmentor`; 'slide'
            or 'whole'.
        data_preprocessor (dict, optional): As above.
        init_cfg (dict, optional): As above.
        pretrained (None): As above.

    Raises:
        ValueError: If the parts do not go together.
    """

    needs_training = False

    def __init__(
        self,
        backbone: dict,
        text_encoder: dict,
        proxy_encoder: dict | None = None,
        upsampler: dict | None = None,
        global_bias: float = -0.3,
        logit_scale: float = 50.0,
        synonyms: str = 'max',
        threshold: float | None = None,
        vocabulary: Mapping[str, Any] | Vocabulary | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
        pretrained: None = None,
    ) -> None:
        super().__init__(
            None,
            train_cfg,
            test_cfg,
            data_preprocessor,
            init_cfg,
            pretrained,
        )
        self.threshold = threshold
        if vocabulary is not None:
            self.set_vocabulary(Vocabulary.build(vocabulary))
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(
            text_encoder, default_args={'trainable': 'none'}
        )
        self.proxy_encoder = self.upsampler = None
        if proxy_encoder is not None:
            self.proxy_encoder = MODELS.build(proxy_encoder)
        if upsampler is not None:
            self.upsampler = MODELS.build(
                upsampler,
                default_args={'in_channels': self.backbone.embed_dims},
            )
        self.global_bias = global_bias
        self.logit_scale = logit_scale
        self.synonyms = synonyms
        self._check()

    def _check(self) -> None:
        proxy = self.backbone.attention == 'proxy'
        if proxy != (self.proxy_encoder is not None):
            raise ValueError(
                f'attention={self.backbone.attention!r} of the backbone '
                f'{"lacks" if proxy else "has no use for"} a proxy_encoder; '
                "attention='proxy' and a proxy_encoder go together"
            )
        if proxy and self.global_bias:
            raise ValueError(
                f"global_bias={self.global_bias} needs CLIP's class token, "
                "which attention='proxy' drops; set global_bias=0"
            )
        if self.synonyms not in ('max', 'mean'):
            raise ValueError(
                f"synonyms={self.synonyms!r}; allowed are 'max' and 'mean'"
            )
        if self.test_cfg.get('mode') == 'slide_global':
            raise ValueError(
                "test_cfg mode 'slide_global' averages probabilities of "
                'independent classes, which a softmax does not give; allowed '
                "are 'whole' and 'slide'"
            )

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Ask for other classes, with the system's threshold by default."""
        if vocabulary.threshold is None:
            vocabulary = replace(vocabulary, threshold=self.threshold)
        super().set_vocabulary(vocabulary)

    @property
    def text_queries(self) -> tuple[tuple[str, ...], ...]:
        """Words per query: one each with 'max', those of a class else."""
        queries = self.vocabulary.queries
        if self.synonyms == 'mean':
            return queries
        return tuple((word,) for group in queries for word in group)

    @property
    def out_channels(self) -> int:
        """Q, the number of queries."""
        return len(self.text_queries)

    @property
    def stride(self) -> int:
        """Images are padded to multiples of so many pixels."""
        if self.proxy_encoder is None:
            return self.backbone.stride
        return math.lcm(self.backbone.stride, self.proxy_encoder.stride)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> NoReturn:
        """Nothing is trained.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f'{type(self).__name__} needs no training and cannot be trained; '
            'score it with tools/test.py CONFIG'
        )

    def encode_images(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features of the pixels and of the whole images; see the base."""
        proxy = None
        if self.proxy_encoder is not None:
            proxy = self.proxy_encoder(images)[-1]
        dense, token, seen = self.backbone(images, proxy)
        if self.upsampler is not None:
            dense = self.upsampler(dense, seen)
        return dense, token

    def decode_maps(self, features: tuple[Tensor, Tensor | None]) -> Tensor:
        """Cosines of every query, (B, Q, h, w); see the base."""
        dense, token = features
        text = self.text_features()
        maps = torch.einsum('bchw,qc->bqhw', F.normalize(dense, dim=1), text)
        if self.global_bias and token is not None:
            whole = F.normalize(token, dim=1) @ text.T
            maps = maps + self.global_bias * whole[..., None, None]
        return maps

    def text_features(self) -> Tensor:
        """Unit mean over the prompts, of every query: (Q, C)."""
        features = self.text_encoder(self.text_queries)
        return F.normalize(features.mean(dim=1), dim=-1)

    def pad(self, images: Tensor) -> Tensor:
        """Images with a border of CLIP's mean colour.

        The border is the same on both sides, as published.
        """
        height, width = images.shape[2:]
        (rows, top), (columns, left) = self._padded(images.shape[2:])
        mean = self.backbone.mean.to(images)
        canvas = mean.expand(len(images), 3, rows, columns).clone()
        canvas[..., top : top + height, left : left + width] = images
        return canvas

    def _to_pixels(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        (rows, top), (columns, left) = self._padded(size)
        logits = F.interpolate(
            maps, (rows, columns), mode='bilinear', align_corners=False
        )
        height, width = size
        return logits[..., top : top + height, left : left + width]

    def _padded(self, size: Sequence[int]) -> list[tuple[int, int]]:
        """Side with its border, and where the image begins, per axis."""
        least = 1
        if self.upsampler is not None:
            least = self.upsampler.min_cells * self.backbone.stride
        sides = [
            -(-max(side, least) // self.stride) * self.stride for side in size
        ]
        return [(p, (p - s) // 2) for p, s in zip(sides, size, strict=True)]

    def to_probability(self, logits: Tensor) -> Tensor:
        """Softmax over the queries, then the best word of each class.

        Args:
            logits (Tensor): Cosines of all queries, (..., Q, H, W).

        Returns:
            Tensor: (..., T + K, H, W) in [0, 1].
        """
        return self._log_probability(logits).exp()

    def result_probability(self, seg_logits: Tensor) -> Tensor:
        """Results carry log-probabilities; see the base."""
        return seg_logits.exp()

    def _log_probability(self, logits: Tensor) -> Tensor:
        words = (self.logit_scale * logits.float()).log_softmax(dim=-3)
        if words.shape[-3] == len(self.vocabulary.queries):
            return words
        sizes = [len(group) for group in self.vocabulary.queries]
        groups = words.split(sizes, dim=-3)
        return torch.stack([group.amax(dim=-3) for group in groups], dim=-3)

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: OptSampleList = None
    ) -> SampleList:
        """Labels, and log-probabilities (T + K, H, W) as ``seg_logits``."""
        samples = data_samples or [SegDataSample() for _ in seg_logits]
        for image, sample in zip(seg_logits, samples, strict=True):
            cosines = self._restore(image, sample)
            scores = self._log_probability(cosines)
            sample.set_data({'seg_logits': PixelData(data=scores)})
            self._set_labels(sample, [cosines])
        return samples

    def _set_labels(
        self, sample: SegDataSample, logits: Iterable[Tensor]
    ) -> None:
        """Set the ids (1, H, W) by the cosines of all queries, in parts."""
        total: Tensor | None = None  # log of the sum of the softmax

        def watched() -> Iterable[Tensor]:
            nonlocal total
            for part in logits:
                scaled = self.logit_scale * part.float()
                more = scaled.logsumexp(dim=0)
                total = more if total is None else total.logaddexp(more)
                yield scaled

        best, query = best_class(watched())
        owners = [
            index if index < self.num_classes else _BACKGROUND
            for index, group in enumerate(self.vocabulary.queries)
            for _ in (group if self.synonyms == 'max' else group[:1])
        ]
        label = torch.tensor(owners, device=query.device)[query.long()]
        threshold = self.vocabulary.threshold
        if threshold is not None and total is not None:
            label[(best - total).exp() < threshold] = _BACKGROUND
        sample.set_data({'pred_sem_seg': PixelData(data=label[None])})
