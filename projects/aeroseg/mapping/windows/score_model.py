# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The model as seen by the mapping, and batches that fit into memory."""

import logging
from typing import Protocol

import torch
from torch import Tensor

from aeroseg.errors import is_out_of_memory

from .batch_log import BatchLog

logger = logging.getLogger(__name__)


class NonFiniteScoresError(ValueError):
    """The model gave nan or infinity instead of probabilities."""


class ScoreModel(Protocol):
    """Anything that turns images into probabilities per class."""

    def predict_scores(self, images: Tensor) -> Tensor:
        """Predict a batch.

        Args:
            images (Tensor): (B, 3, H, W) float, RGB 0-255.

        Returns:
            Tensor: (B, S, h, w) probabilities of S score maps, of any size
            and on any device.
        """
        ...


class PatientModel:
    """A model that gets smaller batches once memory runs out.

    Args:
        model (ScoreModel): The model.
        batches (BatchLog): Images per pass.
    """

    def __init__(self, model: ScoreModel, batches: BatchLog) -> None:
        self.model = model
        self.batches = batches

    def predict_scores(self, images: Tensor, window: int = 0) -> Tensor:
        """Predict images, in several passes if need be.

        Args:
            images (Tensor): (B, 3, H, W) float, RGB 0-255.
            window (int): Number of the first image in the scene.

        Returns:
            Tensor: (B, S, H, W) float32 on the CPU.

        Raises:
            MemoryError: If a single image does not fit.
            NonFiniteScoresError: If scores are nan or infinite.
        """
        batches = images.split(self.batches.at(window))
        try:
            with torch.inference_mode():
                found = [self._predict(batch) for batch in batches]
                # Joining a single batch would only copy it.
                scores = found[0] if len(found) == 1 else torch.cat(found)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._halve(images.shape[2:], window)
        else:
            return scores
        # Outside the handler, so that its tensors are released first.
        return self.predict_scores(images, window)

    def _predict(self, images: Tensor) -> Tensor:
        scores = self.model.predict_scores(images)
        if scores.shape[2:] != images.shape[2:]:
            scores = torch.nn.functional.interpolate(
                scores, images.shape[2:], mode='bilinear'
            )
        scores = scores.float().cpu()
        # Probabilities have a finite sum, and one sum is the quickest test.
        if not torch.isfinite(scores.sum()):
            raise NonFiniteScoresError(
                'the model gives nan or infinity instead of probabilities. '
                'Its weights or the numbers of its precision are out of '
                'range: check the checkpoint (--checkpoint), and try without '
                '--amp'
            )
        return scores

    def _halve(self, size: torch.Size, window: int) -> None:
        if self.batches.at(window) == 1:
            raise MemoryError(
                f'one window of {size[1]} x {size[0]} pixels does not fit '
                'into memory; choose a smaller window, or fewer classes'
            )
        batch = self.batches.halve(window)
        logger.warning('out of memory; continuing with batch %d', batch)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
