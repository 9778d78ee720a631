# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Sliding crops plus a view of the whole image (CAT-Seg, OVRS)."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from aeroseg.window_starts import starts_by_stride


def slide_global(
    class_logits: Callable[[Tensor], Tensor],
    images: Tensor,
    crop_size: Sequence[int],
    stride: Sequence[int],
    out_size: Sequence[int] | None = None,
) -> Tensor:
    """Mean of overlapping crops and of the image shrunk to one crop.

    As published: probabilities (not logits) of the crops are averaged where
    they overlap, then averaged with the probabilities of the whole image
    resized to the crop size.

    Args:
        class_logits (Callable): (B, 3, H, W) -> logits (B, T, H, W).
        images (Tensor): (B, 3, H, W); smaller than a crop is allowed.
        crop_size (Sequence[int]): Size (H, W) of a crop in pixels.
        stride (Sequence[int]): Step (H, W) in pixels.
        out_size (Sequence[int], optional): Size (H, W) of the result;
            probabilities, not logits, are resized to it, as published.

    Returns:
        Tensor: Logits whose sigmoid is the averaged probability,
        (B, T, H, W).
    """
    size = images.shape[-2:]
    crop = [min(c, s) for c, s in zip(crop_size, size, strict=True)]
    whole = class_logits(_resize(images, crop_size)).sigmoid()
    total = torch.zeros_like(_resize(whole, size))
    count = total.new_zeros(1, 1, *size)
    for top in starts_by_stride(size[0], crop[0], stride[0]):
        for left in starts_by_stride(size[1], crop[1], stride[1]):
            window = (
                ...,
                slice(top, top + crop[0]),
                slice(left, left + crop[1]),
            )
            total[window] += class_logits(images[window]).sigmoid()
            count[window] += 1
    mean = (total / count + _resize(whole, size)) / 2
    mean = _resize(mean, out_size or size)
    # Finite, yet without ties among the very improbable.
    limits = torch.finfo(mean.dtype)
    return torch.logit(mean.clamp(limits.tiny, 1 - limits.eps))


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, tuple(size), mode='bilinear', align_corners=False)
