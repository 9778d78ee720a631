# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the scene engine asks of a model, and how it is asked."""

import logging
from typing import Protocol

import torch
from torch import Tensor

logger = logging.getLogger(__name__)


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
    """A model that is asked for smaller batches once memory runs out.

    Args:
        model (ScoreModel): The model.
        batch (int): Images per pass at first.

    Attributes:
        batch (int): Images per pass now.
    """

    def __init__(self, model: ScoreModel, batch: int) -> None:
        self.model = model
        self.batch = batch

    def predict_scores(self, images: Tensor) -> Tensor:
        """Predict up to `batch` images.

        Args:
            images (Tensor): (B, 3, H, W) float, RGB 0-255.

        Returns:
            Tensor: (B, S, H, W) float32 on the CPU.

        Raises:
            MemoryError: If a single image does not fit.
        """
        parts = images.split(self.batch)
        try:
            with torch.inference_mode():
                scores = torch.cat([self._predict(part) for part in parts])
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            self._halve(images.shape[2:])
        else:
            return scores
        # Outside the handler, so that its tensors are released first.
        return self.predict_scores(images)

    def _predict(self, images: Tensor) -> Tensor:
        scores = self.model.predict_scores(images)
        if scores.shape[2:] != images.shape[2:]:
            scores = torch.nn.functional.interpolate(
                scores, images.shape[2:], mode='bilinear'
            )
        return scores.float().cpu()

    def _halve(self, size: torch.Size) -> None:
        if self.batch == 1:
            raise MemoryError(
                f'one window of {size[1]} x {size[0]} pixels does not fit '
                'into memory; choose a smaller window, or fewer classes'
            )
        self.batch //= 2
        logger.warning('out of memory; going on with batch %d', self.batch)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    # The CPU allocator has no exception of its own.
    return "can't allocate memory" in str(error)
