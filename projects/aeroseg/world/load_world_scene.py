# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Pipeline step: make a scene instead of reading files."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from aeroseg.datasets.labels import IdTable

from .scene import make_scene


@TRANSFORMS.register_module()
class LoadWorldScene(BaseTransform):
    """Make the picture and the label of a :class:`WorldDataset` entry.

    Required keys: 'scene', 'label_map', 'seg_fields'.

    Added keys: 'img' (np.ndarray): (S, S, 3) uint8 BGR, as from mmseg's
    image loader; 'gt_seg_map' (np.ndarray): (S, S) uint8 ids after
    'label_map', 255 for ignored classes; 'img_shape', 'ori_shape'.

    Args:
        turn (int): Degrees by which picture and label are turned
            counter-clockwise, a multiple of 90: for tests of what turning
            does to the scores.

    Raises:
        ValueError: If `turn` is not a multiple of 90.
    """

    def __init__(self, turn: int = 0) -> None:
        if turn % 90:
            raise ValueError(
                f'turn={turn}; allowed are multiples of 90 degrees'
            )
        self.turn = turn

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add picture and label."""
        scene = make_scene(*results['scene'])
        image = np.rot90(scene.image[..., ::-1], self.turn // 90)
        label = np.rot90(scene.label, self.turn // 90)
        if results['label_map'] is not None:
            table = IdTable(results['label_map'])
            label = table(label, results['img_path'])
        results['img'] = np.ascontiguousarray(image)
        results['gt_seg_map'] = np.ascontiguousarray(label)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        results['seg_fields'].append('gt_seg_map')
        return results
