# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""AerOSeg: the parts of the paper in the order of its data flow."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from aeroseg.checkpoints.fit import check_segmentor
from aeroseg.vocabulary import Vocabulary

from ..features import AerOSegFeatures
from .best_class import best_class
from .original_size import common_original_size, to_original_size
from .slide_global import slide_global

_PAD_VALUE = 128.0  # grey, as the published code pads
_BACKGROUND = 255
_FEW_CLASSES = 256


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
            'slide_global' with ``crop_size`` and ``stride``. ``keep_logits``
            says whether results carry ``seg_logits``, a number per class and
            pixel, which test-time augmentation needs; unless it is set, they
            do up to 256 classes. Without them, 'whole' finds the best class
            a few classes at a time, in memory that hardly grows with the
            vocabulary.
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
        self.test_cfg = ConfigDict(test_cfg or {'mode': 'whole'})
        self.register_load_state_dict_pre_hook(check_segmentor)

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
    def stride(self) -> int:
        """Pixels per cell of the backbone's grid."""
        return self.backbone.stride

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

    def class_maps(self, images: Tensor) -> Tensor:
        """Logits of every class as the decode head gives them.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W), any size.

        Returns:
            Tensor: (B, T + K, h', w'), a map of the image padded below and
            to the right to multiples of the stride.
        """
        below, right = (-side % self.stride for side in images.shape[2:])
        padded = F.pad(images, (0, right, 0, below), value=_PAD_VALUE)
        return self.decode_head(self.extract_feat(padded))

    def class_logits(self, images: Tensor) -> Tensor:
        """Logits of every class at every pixel.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W), any size.

        Returns:
            Tensor: (B, T + K, H, W); the sigmoid is the probability that the
            class is there.
        """
        return self._to_pixels(self.class_maps(images), images.shape[2:])

    def _to_pixels(self, maps: Tensor, size: Sequence[int]) -> Tensor:
        """Enlarge class maps to the pixels of the image they were made of."""
        height, width = size
        padded = [side + -side % self.stride for side in size]
        logits = F.interpolate(
            maps, padded, mode='bilinear', align_corners=self.align_corners
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
                common_original_size(batch_img_metas),
            )
        if mode not in ('whole', 'slide'):
            raise ValueError(
                f"test_cfg mode {mode!r}; allowed are 'whole', 'slide' and "
                "'slide_global'"
            )
        return super().inference(inputs, batch_img_metas)

    def predict(
        self, inputs: Tensor, data_samples: OptSampleList = None
    ) -> SampleList:
        """Predict a batch.

        Args:
            inputs (Tensor): RGB, 0-255, (B, 3, H, W).
            data_samples (list[SegDataSample], optional): What the pipeline
                noted of each image, whose original size the result gets.

        Returns:
            list[SegDataSample]: With ``pred_sem_seg``, ids (1, H, W), and
            with ``seg_logits``, (T + K, H, W), where ``test_cfg`` keeps them.

        Raises:
            ValueError: If the mode of ``test_cfg`` is unknown.
        """
        few = self.out_channels <= _FEW_CLASSES
        keep = self.test_cfg.get('keep_logits', few)
        if keep or self.test_cfg.get('mode', 'whole') != 'whole':
            return super().predict(inputs, data_samples)
        maps = self.class_maps(inputs)
        samples = data_samples or [SegDataSample() for _ in inputs]
        for image, sample in zip(maps, samples, strict=True):
            parts = (
                self._to_pixels(part[None], inputs.shape[2:])[0]
                for part in image.split(self.decode_head.class_chunk)
            )
            restored = (self._restore(part, sample) for part in parts)
            self._set_labels(sample, *best_class(restored))
        return samples

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: OptSampleList = None
    ) -> SampleList:
        """Labels by the best class; background (255) by the vocabulary."""
        samples = data_samples or [SegDataSample() for _ in seg_logits]
        for image, sample in zip(seg_logits, samples, strict=True):
            logits = self._restore(image, sample)
            sample.set_data({'seg_logits': PixelData(data=logits)})
            self._set_labels(sample, *best_class([logits]))
        return samples

    def _restore(self, logits: Tensor, sample: SegDataSample) -> Tensor:
        """Logits at the original size of a sample's image."""
        meta = sample.metainfo
        return to_original_size(logits, meta, self.align_corners)

    def _set_labels(
        self, sample: SegDataSample, best: Tensor, label: Tensor
    ) -> None:
        """Set the labels (H, W), best classes whose logits are ``best``."""
        label[label >= self.num_classes] = _BACKGROUND
        threshold = self.vocabulary.threshold
        if threshold is not None:
            label[best.sigmoid() < threshold] = _BACKGROUND
        sample.set_data({'pred_sem_seg': PixelData(data=label[None])})
