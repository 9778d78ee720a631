# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Cosine similarity of every grid cell with every prompt (eq. 3)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def correlate(dense: Tensor, text: Tensor) -> Tensor:
    """Correlate all views with all prompts.

    Args:
        dense (Tensor): Image features, (B, R, C, h, w), any scale.
        text (Tensor): Text features, (T, P, C), any scale.

    Returns:
        Tensor: Similarities in [-1, 1], (B, T, R * P, h, w), rotations
        outside, prompts inside, as eq. 4 concatenates them.
    """
    dense = F.normalize(dense, dim=2)
    text = F.normalize(text, dim=-1)
    maps = torch.einsum('tpc,brchw->btrphw', text, dense)
    return maps.flatten(2, 3)
