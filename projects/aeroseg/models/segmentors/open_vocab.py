# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What all open-vocabulary segmentors share."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmengine.model import initialize
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import OptSampleList, SampleList
from torch import Tensor, nn

from aeroseg.background import decide
from aeroseg.checkpoints.fit import check_segmentor
from aeroseg.vocabulary import Vocabulary

from ..original_size import common_original_size, to_original_size
from ..slide_global import slide_global
from .model_words import ModelWords, apply_test_classes, link_visualizer

_PAD_VALUE = 128.0  # grey, as the published code pads
_BACKGROUND = 255
FEW_CLASSES = 256  # whose logits results carry


class OpenVocabSegmentor(ModelWords, EncoderDecoder):
    """Base of the segmentors that are asked for classes in words.

    It applies the background rule and restores the original size of an image,
    keeps inference in bounded memory and checks checkpoints. A
    subclass builds its parts and says how an image becomes class maps: what
    does not depend on the words (:meth:`encode_images`), so that other words
    can reuse it, and the rest (:meth:`decode_maps`); and, if it can be
    trained, its losses (:meth:`loss`).

    Args:
        vocabulary (dict | Vocabulary, optional): First vocabulary; see
            :meth:`Vocabulary.build`.
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
        pretrained (None): mmseg's inference functions set it; must be None.

    Raises:
        ValueError: If ``pretrained`` is not None.

    Attributes:
        text_encoder (nn.Module): Words to features; see
            :class:`OpenCLIPTextEncoder`. Set by the subclass.
        class_chunk (int): Class maps that are enlarged at a time.
        needs_training (bool): Whether results mean anything only with a
            checkpoint of training.
    """

    text_encoder: Any
    align_corners = False
    class_chunk = 16
    needs_training = True

    def __init__(
        self,
        vocabulary: Mapping[str, Any] | Vocabulary | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | nn.Module | None = None,
        init_cfg: dict | None = None,
        pretrained: None = None,
    ) -> None:
        if pretrained is not None:
            raise ValueError(
                f'pretrained={pretrained!r}: weights are given to each part, '
                "for example model.backbone.init_cfg=dict(type='CLIPPretrain"
                "ed', checkpoint='openai')"
            )
        if not isinstance(data_preprocessor, nn.Module):
            config = data_preprocessor or {'type': 'RGBDataPreProcessor'}
            data_preprocessor = MODELS.build(config)
        # Not EncoderDecoder's own: the parts differ from system to system.
        super(EncoderDecoder, self).__init__(data_preprocessor, init_cfg)
        if vocabulary is not None:
            self._vocabulary = Vocabulary.build(vocabulary)
        self.train_cfg = train_cfg
        self.test_cfg = ConfigDict(test_cfg or {'mode': 'whole'})
        self._cfg: Any = None
        self._loaded = False
        self.register_load_state_dict_pre_hook(check_segmentor)
        self.register_load_state_dict_pre_hook(_note_loaded)

    @property
    def cfg(self) -> Any:
        """Config that mmseg's ``init_model`` or inferencer built it from.

        Assigning it, as both do, asks for all classes of the config's test
        dataset, and lets the inferencer's ``classes`` reach the model. A
        model that needs no training loads its weights.
        """
        return self._cfg

    @cfg.setter
    def cfg(self, config: Any) -> None:
        self._cfg = config
        if not (self.needs_training or self._loaded):
            self.load_pretrained()
        apply_test_classes(self, config)
        link_visualizer(self, config)

    def load_pretrained(self) -> None:
        """Load the weights that ``init_cfg`` of the parts names.

        mmengine does this before training only.

        Raises:
            FileNotFoundError: If there are no such weights.
            ValueError: If they do not fit.
        """
        for part in self.children():
            if getattr(part, 'init_cfg', None):
                initialize(part, part.init_cfg)

    @property
    @abstractmethod
    def stride(self) -> int:
        """Images are padded to multiples of so many pixels."""

    def encode_images(self, images: Tensor) -> Any:
        """What the system sees in images, whatever the words.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.

        Returns:
            Any: A tensor (B, ...) or a tuple, of tensors (B, ...), of
            further tuples, and of what all images share. Here the images
            themselves, for systems that begin with the words.
        """
        return images

    @abstractmethod
    def decode_maps(self, features: Any) -> Tensor:
        """Class maps of the words, from what was seen in the images.

        Args:
            features (Any): Of :meth:`encode_images`.

        Returns:
            Tensor: Logits (B, T + K, h, w) of any size: classes, then
            background words.
        """

    def forward_maps(self, images: Tensor) -> Tensor:
        """The data flow of the system: images to class maps.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.

        Returns:
            Tensor: See :meth:`decode_maps`.
        """
        return self.decode_maps(self.encode_images(images))

    def to_probability(self, logits: Tensor) -> Tensor:
        """Logits to probabilities per class: here, a sigmoid each."""
        return logits.sigmoid()

    def result_probability(self, seg_logits: Tensor) -> Tensor:
        """Probabilities (T + K, H, W) from ``seg_logits`` of a result."""
        return self.to_probability(seg_logits)

    def pad(self, images: Tensor) -> Tensor:
        """Images padded to multiples of the stride, below and to the right."""
        below, right = (-side % self.stride for side in images.shape[2:])
        return F.pad(images, (0, right, 0, below), value=_PAD_VALUE)

    def class_maps(self, images: Tensor) -> Tensor:
        """Logits of every class as the system computes them.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W), any size.

        Returns:
            Tensor: (B, T + K, h', w'), a map of the padded image.
        """
        return self.forward_maps(self.pad(images))

    def class_logits(self, images: Tensor) -> Tensor:
        """Logits of every class at every pixel.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W), any size.

        Returns:
            Tensor: (B, T + K, H, W); see :meth:`to_probability`.
        """
        return self._to_pixels(self.class_maps(images), images.shape[2:])

    def image_features(self, images: Tensor) -> Any:
        """What other words can reuse, for :meth:`logits_of`.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W), any size.

        Returns:
            Any: See :meth:`encode_images`.
        """
        return self.encode_images(self.pad(images))

    def logits_of(self, features: Any, size: Sequence[int]) -> Tensor:
        """The same as :meth:`class_logits`, of :meth:`image_features`.

        Args:
            features (Any): What was seen in the images.
            size (Sequence[int]): (H, W) of the images.
        """
        return self._to_pixels(self.decode_maps(features), size)

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
        few = self.out_channels <= FEW_CLASSES
        keep = self.test_cfg.get('keep_logits', few)
        if keep or self.test_cfg.get('mode', 'whole') != 'whole':
            return super().predict(inputs, data_samples)
        maps = self.class_maps(inputs)
        samples = data_samples or [SegDataSample() for _ in inputs]
        for image, sample in zip(maps, samples, strict=True):
            parts = (
                self._to_pixels(part[None], inputs.shape[2:])[0]
                for part in image.split(self.class_chunk)
            )
            restored = (self._restore(part, sample) for part in parts)
            self._set_labels(sample, restored)
        return samples

    def postprocess_result(
        self, seg_logits: Tensor, data_samples: OptSampleList = None
    ) -> SampleList:
        """Labels by the best class; background (255) by the vocabulary."""
        samples = data_samples or [SegDataSample() for _ in seg_logits]
        for image, sample in zip(seg_logits, samples, strict=True):
            logits = self._restore(image, sample)
            sample.set_data({'seg_logits': PixelData(data=logits)})
            self._set_labels(sample, [logits])
        return samples

    def _restore(self, logits: Tensor, sample: SegDataSample) -> Tensor:
        """Logits at the original size of a sample's image."""
        meta = sample.metainfo
        return to_original_size(logits, meta, self.align_corners)

    def _set_labels(
        self, sample: SegDataSample, logits: Iterable[Tensor]
    ) -> None:
        """Set the ids (1, H, W) by the logits of all classes, in parts."""
        label = decide(
            logits,
            self.num_classes,
            _BACKGROUND,
            self.vocabulary.threshold,
            self.to_probability,
        )
        sample.set_data({'pred_sem_seg': PixelData(data=label.long()[None])})


def _note_loaded(module: OpenVocabSegmentor, *_: Any) -> None:
    module._loaded = True
