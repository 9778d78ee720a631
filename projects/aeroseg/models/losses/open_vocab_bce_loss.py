# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Binary cross-entropy over the classes of a vocabulary (eq. 12)."""

from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class OpenVocabBCELoss(nn.Module):
    """A yes or no for every class at every pixel.

    Args:
        ignored (str): How a pixel without label (``ignore_index``) counts.
            'negative': a no for every class, as in the published code of
            CAT-Seg, SED and OVRS; pixels of unseen classes are then
            negatives as well. 'excluded': not counted, no gradient.
        reduction (str): Over the classes: 'mean' (published code) or 'sum'
            (eq. 12 as printed). Over pixels and images it is the mean.
        loss_weight (float): Factor.
        loss_name (str): Name in the log; must begin with 'loss'.

    Raises:
        ValueError: If ``ignored`` or ``reduction`` is something else.
    """

    def __init__(
        self,
        ignored: str = 'negative',
        reduction: str = 'mean',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_bce',
    ) -> None:
        super().__init__()
        for name, value, allowed in (
            ('ignored', ignored, ('negative', 'excluded')),
            ('reduction', reduction, ('mean', 'sum')),
        ):
            if value not in allowed:
                raise ValueError(f'{name}={value!r}; allowed are {allowed}')
        self.ignored = ignored
        self.reduction = reduction
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self,
        logits: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        **_: Any,
    ) -> Tensor:
        """Compute the loss.

        With s = softplus, the loss of a pixel with label y is
        sum_c s(logit_c) - logit_y: no one-hot tensor is needed.

        Args:
            logits (Tensor): (B, T, H, W).
            label (Tensor): Class ids, (B, H, W); ignore_index for none.
            weight (Tensor, optional): Weight of each pixel, (B, H, W).
            ignore_index (int): Label of pixels without class.

        Returns:
            Tensor: Scalar; 0 where no pixel counts.

        Raises:
            ValueError: If a label is neither a class nor ignore_index.
        """
        logits = logits.float() if logits.dtype.itemsize < 4 else logits
        classes = logits.shape[1]
        labelled = label != ignore_index
        ids = torch.where(labelled, label, 0)
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < classes:
            raise ValueError(
                f'a label holds id {int(ids.max())}, but there are {classes} '
                f'classes (ids 0 to {classes - 1}) and {ignore_index} for '
                'ignored; check the dataset and its classes'
            )
        own = logits.gather(1, ids[:, None])[:, 0] * labelled
        pixels = F.softplus(logits).sum(dim=1) - own
        counted = torch.ones_like(pixels)
        if self.ignored == 'excluded':
            counted = labelled.to(pixels.dtype)
        if weight is not None:
            pixels = pixels * weight
        loss = (pixels * counted).sum() / counted.sum().clamp(min=1)
        if self.reduction == 'mean':
            loss = loss / classes
        return self.loss_weight * loss
