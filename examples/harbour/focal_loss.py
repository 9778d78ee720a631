# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A loss: focal binary cross-entropy over the classes."""

from typing import Any

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class OpenVocabFocalLoss(nn.Module):
    """Binary cross-entropy that counts easy pixels less (Lin et al., 2017).

    Args:
        gamma (float): How much less; 0 is plain cross-entropy.
        loss_name (str): Name in the log; must begin with 'loss'.
    """

    def __init__(
        self, gamma: float = 2.0, loss_name: str = 'loss_focal'
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.loss_name = loss_name

    def forward(
        self, logits: Tensor, label: Tensor, ignore_index: int = 255, **_: Any
    ) -> Tensor:
        """Logits (B, T, H, W) and ids (B, H, W) to a scalar."""
        valid = label != ignore_index
        number = logits.shape[1]
        truth = F.one_hot(label.where(valid, label.new_zeros(())), number)
        truth = truth.movedim(-1, 1).to(logits)
        loss = F.binary_cross_entropy_with_logits(
            logits, truth, reduction='none'
        )
        wrong = (truth - logits.sigmoid()).abs()
        loss = (wrong**self.gamma * loss).mean(dim=1)
        return (loss * valid).sum() / valid.sum().clamp(min=1)
