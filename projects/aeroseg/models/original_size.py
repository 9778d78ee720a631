# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From the model's input size back to the original size of an image."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor

_FLIPPED_AXIS = {'horizontal': -1, 'vertical': -2}


def to_original_size(
    maps: Tensor, meta: Mapping[str, Any], align_corners: bool
) -> Tensor:
    """Undo what the pipeline did to the geometry of an image.

    Args:
        maps (Tensor): Maps of one image, (C, H, W).
        meta (Mapping): What mmseg's pipeline records of the image: its padding
            (left, right, top, bottom), ``flip_direction``, ``ori_shape``;
            a missing key means that the step was not
            done.
        align_corners (bool): Of the bilinear resizing.

    Returns:
        Tensor: (C, *ori_shape).

    Raises:
        ValueError: If the image was flipped in a way that mmseg's
            transforms do not know.
    """
    padding = meta.get('img_padding_size', meta.get('padding_size', (0,) * 4))
    left, right, top, bottom = padding
    height, width = maps.shape[1:]
    maps = maps[:, top : height - bottom, left : width - right]
    if meta.get('flip'):
        direction = meta.get('flip_direction')
        if direction not in _FLIPPED_AXIS:
            raise ValueError(
                f'the image was flipped in the direction {direction!r}; '
                f'known are {sorted(_FLIPPED_AXIS)}'
            )
        maps = maps.flip(_FLIPPED_AXIS[direction])
    size = tuple(meta.get('ori_shape', maps.shape[1:])[:2])
    if size == tuple(maps.shape[1:]):
        return maps
    return F.interpolate(
        maps[None], size, mode='bilinear', align_corners=align_corners
    )[0]


def common_original_size(
    metas: Sequence[Mapping[str, Any]],
) -> tuple[int, int] | None:
    """Original size (H, W) of the images, if none is padded.

    Args:
        metas (Sequence[Mapping]): As for :func:`to_original_size`, one per
            image.

    Returns:
        tuple[int, int] | None: None if the sizes differ.
    """
    sizes = {tuple(meta['ori_shape'][:2]) for meta in metas}
    padded = any(any(meta.get('padding_size', ())) for meta in metas)
    return sizes.pop() if len(sizes) == 1 and not padded else None
