# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A trained model together with one vocabulary."""

from typing import Any

import torch
from torch import Tensor

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
            contrast words are merged.
        """
        device = next(self.model.parameters()).device
        images = images.to(device, non_blocking=True)
        self.model.set_vocabulary(self.scheme.vocabulary)
        autocast = torch.autocast(
            device.type, torch.bfloat16, enabled=self.amp
        )
        with autocast, accelerated(self.accelerate):
            logits = self.model.class_logits(images)
        return self.scheme.merge(self.model.to_probability(logits.float()))
