# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A trained model together with one vocabulary, closed-set ones too."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import torch
from mmseg.models import BaseSegmentor
from torch import Tensor, nn

from aeroseg.acceleration import accelerated
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.vocabulary import Vocabulary


class VocabularyModel:
    """A model and the words it predicts: images in, probabilities out.

    This is the :class:`~aeroseg.mapping.windows.score_model.ScoreModel` that
    scenes are predicted with. Several may share one model, in any order.

    Args:
        model (nn.Module): The segmentor.
        vocabulary (Vocabulary): The words.
        amp (bool): Compute in bfloat16 where that is safe.
        accelerate (bool): Linear layers on a CPU by oneDNN; see
            :mod:`aeroseg.acceleration`.

    Attributes:
        scheme (LabelScheme): What the ids of its label maps mean.
    """

    def __init__(
        self,
        model: Any,
        vocabulary: Vocabulary,
        amp: bool = False,
        accelerate: bool = True,
    ) -> None:
        self.model = model
        self.amp = amp
        self.accelerate = accelerate
        self.scheme = LabelScheme(vocabulary)

    def predict_scores(self, images: Tensor) -> Tensor:
        """Probabilities of the words.

        Args:
            images (Tensor): (B, 3, H, W) float, RGB 0-255, on any device.

        Returns:
            Tensor: (B, S, H, W) in [0, 1] on the device of the model;
            background words are merged.
        """
        with self._computing():
            logits = self.model.class_logits(self._moved(images))
        return self._scores(logits)

    def image_features(self, images: Tensor) -> Any:
        """What the model sees in images, whatever the words.

        Args:
            images (Tensor): As of :meth:`predict_scores`.

        Returns:
            Any: For :meth:`scores_of` of any words; see
            :meth:`OpenVocabSegmentor.encode_images`.
        """
        with self._computing():
            return self.model.image_features(self._moved(images))

    def scores_of(self, features: Any, size: Sequence[int]) -> Tensor:
        """The same as :meth:`predict_scores`, of :meth:`image_features`.

        Args:
            features (Any): What was seen in the images.
            size (Sequence[int]): (H, W) of the images.
        """
        with self._computing():
            logits = self.model.logits_of(features, size)
        return self._scores(logits)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        self.model.set_vocabulary(self.scheme.vocabulary)
        autocast = torch.autocast(
            self._device.type, torch.bfloat16, enabled=self.amp
        )
        with autocast, accelerated(self.accelerate):
            yield

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _moved(self, images: Tensor) -> Tensor:
        return images.to(self._device, non_blocking=True)

    def _scores(self, logits: Tensor) -> Tensor:
        return self.scheme.merge(self.model.to_probability(logits.float()))


class ClosedSetModel(nn.Module):
    """Answers for the classes it was trained on, all or some, in any order.

    Args:
        model (BaseSegmentor): The trained model, an output per class.
        trained (Vocabulary | None): Its classes, in the order of the outputs.

    Raises:
        ValueError: If the classes are not known.
    """

    def __init__(
        self, model: BaseSegmentor, trained: Vocabulary | None
    ) -> None:
        super().__init__()
        if trained is None:
            raise ValueError(
                'the model has an output per class, and nothing names the '
                'classes: give a checkpoint that tools/train.py wrote'
            )
        self.model: Any = model
        self.trained = trained
        self._outputs = list(range(len(trained)))

    @property
    def text_encoder(self) -> NoReturn:
        """There is none.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            'a closed-set model reads no words, so there is nothing to '
            'explain; use a model that is asked in words (configs/aeroseg)'
        )

    def set_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Choose among the classes of the training.

        Raises:
            ValueError: If another class or a background word is asked for.
        """
        place = {n.lower(): i for i, n in enumerate(self.trained.names)}
        asked = vocabulary.names + vocabulary.contrast
        unknown = [name for name in asked if name.lower() not in place]
        if unknown:
            raise ValueError(
                f'a closed-set model cannot be asked for {unknown}: it has '
                f'one output for each of {list(self.trained.names)}. Ask for '
                'some of these, or use a model that is asked in words '
                '(configs/aeroseg)'
            )
        self._outputs = [place[name.lower()] for name in asked]

    def class_logits(self, images: Tensor) -> Tensor:
        """Logits of every output, asked for or not.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W).

        Returns:
            Tensor: (B, N, H, W).
        """
        prepare = self.model.data_preprocessor
        # Where mmseg converts BGR to RGB, the model wants what is here. The
        # name is that of onedl-mmsegmentation, or of mmsegmentation 1.2.
        names = ('_channel_conversion', 'channel_conversion')
        converts = any(getattr(prepare, name, False) for name in names)
        x = images if converts else images.flip(1)
        if prepare._enable_normalize:
            x = (x - prepare.mean) / prepare.std
        metas = [{'img_shape': tuple(images.shape[2:])}] * len(images)
        return self.model.encode_decode(x, metas)

    def image_features(self, images: Tensor) -> Tensor:
        """The logits themselves: they do not depend on what is asked."""
        return self.class_logits(images)

    def logits_of(self, features: Tensor, size: Sequence[int]) -> Tensor:
        """See :class:`OpenVocabSegmentor`; nothing is left to do."""
        return features

    def to_probability(self, logits: Tensor) -> Tensor:
        """Probabilities of the classes asked for, out of all that there are.

        Args:
            logits (Tensor): (B, N, H, W).

        Returns:
            Tensor: (B, T, H, W); the sum over T is below 1 where some classes
            were not asked for.
        """
        order = torch.tensor(self._outputs, device=logits.device)
        return logits.softmax(dim=1).index_select(1, order)
