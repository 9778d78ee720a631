# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Squared distance to features that get no gradient (eq. 13)."""

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class BackProjectionLoss(nn.Module):
    """``|| prediction - sg(target) ||^2``.

    Args:
        reduction (str): 'mean' over all elements or 'sum'. The paper writes
            a norm; a sum over 576 x 1,024 elements would dominate
            the cross-entropy, so the mean is the default.
        loss_weight (float): Factor; 1 in eq. 14.
        loss_name (str): Name in the log; must begin with 'loss'.

    Raises:
        ValueError: If the reduction is something else.
    """

    def __init__(
        self,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_sem',
    ) -> None:
        super().__init__()
        if reduction not in ('mean', 'sum'):
            raise ValueError(
                f"reduction={reduction!r}; allowed are 'mean' and 'sum'"
            )
        self.reduction = reduction
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Compare two tensors of one shape; the target gets no gradient."""
        return self.loss_weight * F.mse_loss(
            prediction, target.detach(), reduction=self.reduction
        )
