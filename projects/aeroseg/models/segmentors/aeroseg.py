# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""AerOSeg: the parts of the paper in the order of its data flow."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from aeroseg.vocabulary import Vocabulary

from ..features import AerOSegFeatures
from .checkpoint_fit import check_fit
from .slide_global import slide_global

_PAD_VALUE = 128.0  # grey, as the published code pads
_BACKGROUND = 255


@MODELS.register_module()
class AerOSeg(EncoderDecoder):
    """Open-vocabulary segmentation of remote-sensing images.

    image -> backbone, guidance encoder; vocabulary -> text encoder; all of
    them -> neck -> decode head (and auxiliary head in training). Sizes that
    follow from other parts (channels, number of maps) are filled in; a config
    names what is a choice.

    The vocabulary can change at any time, by :meth:`set_vocabulary` or by
    assigning mmseg's ``dataset_meta``.

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
        train_cfg (dict, optional): mmseg's training settings.
        test_cfg (dict, optional): ``mode`` is 'whole', 'slide' or
            'slide_global' with ``crop_size`` and ``stride``.
        data_preprocessor (dict, optional): Makes RGB batches; each encoder
            normalises for itself. Default: :class:`RGBDataPreProcessor`.
        init_cfg (dict, optional): mmengine initialisation.

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
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if not isinstance(data_preprocessor, nn.Module):
            config = data_preprocessor or {'type': 'RGBDataPreProcessor'}
            data_preprocessor = MODELS.build(config)
        super(EncoderDecoder, self).__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.text_encoder = MODELS.build(text_encoder)
        self.guidance_encoder = MODELS.build(guidance_encoder)
        self.guidance_encoder.bind(self.backbone)
        self._vocabulary: Vocabulary | None = None
        if vocabulary is not None:
            self._vocabulary = Vocabulary.build(vocabulary)
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
        if auxiliary_head is not None:
            self._init_auxiliary_head(auxiliary_head)
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg or {'mode': 'whole'}
        self._register_load_state_dict_pre_hook(check_fit, with_module=True)

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
    def vocabulary(self) -> Vocabulary:
        """The vocabulary in use.

        Raises:
            ValueError: If none was given.
        """
        if self._vocabulary is None:
            raise ValueError(
                'the model has no vocabulary; call set_vocabulary(Vocabulary.'
                'parse("building; road")), or give it one in the config'
            )
        return self._vocabulary

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Ask for other classes from now on; nothing is rebuilt."""
        self._vocabulary = vocabulary

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Classes and palette for mmseg; assigning sets the vocabulary."""
        if self._vocabulary is None:
            return None
        meta = self._vocabulary.to_metainfo()
        return {key: meta[key] for key in ('classes', 'palette')}

    @dataset_meta.setter
    def dataset_meta(self, metainfo: Mapping[str, Any] | None) -> None:
        if metainfo and metainfo.get('classes'):
            self.set_vocabulary(Vocabulary.from_metainfo(metainfo))

    @property
    def out_channels(self) -> int:
        """T + K, channels of the logits: classes, then contrast words."""
        return len(self.vocabulary.queries)

    @property
    def num_classes(self) -> int:
        """T, the number of classes."""
        return len(self.vocabulary)

    def extract_feat(self, inputs: Tensor) -> AerOSegFeatures:
        """Image -> everything the heads look at.

        Args:
            inputs (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
        """
        clip = self.backbone(inputs)
        text = self.text_encoder(self.vocabulary.queries)
        guidance = self.guidance_encoder(inputs, clip)
        refined = self.neck(clip.dense, text, guidance[-1])
        return AerOSegFeatures(refined, guidance, clip, inputs)

    def class_logits(self, images: Tensor) -> Tensor:
        """Logits of every class at every pixel.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W), any size.

        Returns:
            Tensor: (B, T + K, H, W); the sigmoid is the probability that the
            class is there.
        """
        height, width = images.shape[-2:]
        stride = self.backbone.stride
        padding = (0, -width % stride, 0, -height % stride)
        padded = F.pad(images, padding, value=_PAD_VALUE)
        logits = self.decode_head(self.extract_feat(padded))
        logits = F.interpolate(
            logits,
            padded.shape[-2:],
            mode='bilinear',
            align_corners=self.align_corners,
        )
        return logits[..., :height, :width]

    def encode_decode(
        self,
        inputs: Tensor,
        batch_img_metas: Sequence[dict],
    ) -> Tensor:
        """Logits at the size of the input, as mmseg's inference asks."""
        del batch_img_metas  # sizes come from the input alone
        return self.class_logits(inputs)

    def inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Logits by the mode of ``test_cfg``.

        Raises:
            ValueError: If the mode is unknown.
        """
        mode = self.test_cfg.get('mode', 'whole')
        if mode == 'slide_global':
            return slide_global(
                self.class_logits,
                inputs,
                self.test_cfg['crop_size'],
                self.test_cfg['stride'],
                _common_size(batch_img_metas),
            )
        if mode not in ('whole', 'slide'):
            raise ValueError(
                f"test_cfg mode {mode!r}; allowed are 'whole', 'slide' and "
                "'slide_global'"
            )
        return super().inference(inputs, batch_img_metas)

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: OptSampleList = None
    ) -> SampleList:
        """Labels by the best class; background (255) by the vocabulary."""
        samples = super().postprocess_result(seg_logits, data_samples)
        for index, sample in enumerate(samples):
            logits = sample.seg_logits.data
            if logits.shape[0] == 1:
                # mmseg takes one channel for a two-class problem.
                logits = torch.logit(logits, eps=1e-6)
                samples[index].seg_logits.data = logits
            best, label = logits.max(dim=0, keepdim=True)
            label[label >= self.num_classes] = _BACKGROUND
            threshold = self.vocabulary.threshold
            if threshold is not None:
                label[best.sigmoid() < threshold] = _BACKGROUND
            sample.pred_sem_seg.data = label
        return samples


def _common_size(metas: Sequence[dict]) -> tuple[int, int] | None:
    """Size of the images as they were, where it is one and none is padded."""
    sizes = {tuple(meta['ori_shape'][:2]) for meta in metas}
    padded = any(any(meta.get('padding_size', ())) for meta in metas)
    return sizes.pop() if len(sizes) == 1 and not padded else None
