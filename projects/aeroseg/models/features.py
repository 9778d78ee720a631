# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the heads of the systems look at."""

from typing import NamedTuple

from torch import Tensor

from .backbones.rotated_clip import CLIPFeatures


class AerOSegFeatures(NamedTuple):
    """Everything a head may look at.

    Attributes:
        refined (Tensor): Refined correlation, (B, T, D, h, w).
        guidance (tuple[Tensor, ...]): F1, F2, F3 from shallow to deep, each
            (B, C_i, h, w).
        clip (CLIPFeatures): Features of the backbone.
        image (Tensor): RGB, 0-255, (B, 3, H, W).
    """

    refined: Tensor
    guidance: tuple[Tensor, ...]
    clip: CLIPFeatures
    image: Tensor


class SEDFeatures(NamedTuple):
    """Everything the head of SED looks at.

    Attributes:
        correlation (Tensor): Cosine similarity with each prompt,
            (B, T, P, h, w).
        guidance (tuple[Tensor, ...]): Stages of the image tower, detached,
            from coarse to fine, (B, C_i, s h, s w) with s = 2, 4, 8.
    """

    correlation: Tensor
    guidance: tuple[Tensor, ...]
