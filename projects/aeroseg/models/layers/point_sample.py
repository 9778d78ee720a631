# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Values of a map at points between its cells, without a compiled op."""

import importlib
from typing import Any

import torch.nn.functional as F
from torch import Tensor

# Modules of mmseg that hold mmcv's function, or None where mmcv has no
# compiled ops.
_HOLDERS = (
    'mmseg.models.utils.point_sample',
    'mmseg.models.decode_heads.san_head',
    'mmseg.models.decode_heads.point_head',
    'mmseg.utils.mask_classification',
)
_RANDOM = 'get_uncertain_point_coords_with_randomness'


def point_sample(
    input: Tensor,
    points: Tensor,
    align_corners: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Bilinear values at points, as ``mmcv.ops.point_sample``.

    Args:
        input (Tensor): Maps, (N, C, H, W).
        points (Tensor): x and y from 0 to 1, (N, P, 2) or (N, Hg, Wg, 2).
        align_corners (bool): Whether 0 and 1 are the centres of the outer
            cells instead of their edges.
        **kwargs: Of :func:`torch.nn.functional.grid_sample`; by default
            bilinear, with zeros outside of the map.

    Returns:
        Tensor: (N, C, P) or (N, C, Hg, Wg).
    """
    listed = points.dim() == 3
    grid = points.unsqueeze(2) if listed else points
    out = F.grid_sample(
        input, 2 * grid - 1, align_corners=align_corners, **kwargs
    )
    return out.squeeze(3) if listed else out


def fill_point_sample() -> None:
    """Give mmseg's mask losses the function where mmcv brings none.

    mmseg looks it up in its modules and refuses to build SAN's head without
    it. Nothing changes where mmcv has its compiled ops.
    """
    modules = [importlib.import_module(name) for name in _HOLDERS]
    for module in modules:
        if getattr(module, 'point_sample', None) is None:
            module.point_sample = point_sample  # type: ignore[attr-defined]
        if getattr(module, _RANDOM, None) is None:
            setattr(module, _RANDOM, getattr(modules[0], _RANDOM))
