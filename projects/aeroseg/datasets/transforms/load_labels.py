# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Read a label file and check that it fits its image."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.registry import TRANSFORMS
from PIL import Image, UnidentifiedImageError

from ..labels import ColourTable, IdTable, read_label, table_of


@TRANSFORMS.register_module()
class LoadLabels(BaseTransform):
    """Load the label of an image; replaces ``LoadAnnotations``.

    Unlike mmseg's transform it never ignores a fault: an id
    without a class, a label of another size than its image, and an image
    that is not RGB (which the image loader would convert) are errors. Where
    there is no 'seg_map_path', as in mmseg's inferencer, it does nothing.

    Required keys: 'img', 'img_path', 'ori_shape', 'seg_map_path', 'num_ids'
    (classes in the files), 'label_map', 'reduce_zero_label', 'seg_fields';
    'colours' (a mapping from RGB to id) where the labels are masks of
    colours.

    Added keys: 'gt_seg_map' (np.ndarray): (H, W) uint8, ids after
    'label_map', 255 for ignored pixels.

    Args:
        backend_args (dict, optional): File backend of mmengine.

    Raises:
        ValueError: If the label or its image is faulty.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args
        self._tables: dict[str, ColourTable | IdTable] = {}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add 'gt_seg_map' to the results."""
        path = results.get('seg_map_path')
        if path is None:
            return results
        self._check_image(results['img_path'], results['img'])
        label = self._read(path, results)
        height, width = results['ori_shape'][:2]
        if label.shape != (height, width):
            raise ValueError(
                f'label {path} is {label.shape[1]}x{label.shape[0]} px, its '
                f'image {results["img_path"]} is {width}x{height} px (width x '
                'height); both must have the same size. Crop or resample '
                'one of them (labels with nearest neighbour only)'
            )
        results['gt_seg_map'] = label
        results['seg_fields'].append('gt_seg_map')
        return results

    def _check_image(self, path: str, image: np.ndarray) -> None:
        mode = self._mode(path)
        if image.ndim != 3 or image.shape[2] != 3:
            mode = f'an array of shape {image.shape}'
        if mode != 'RGB':
            raise ValueError(
                f'image {path} is not RGB but {mode}; the model takes three '
                'bands of 8 bit. Convert it, for example with '
                "PIL.Image.open(path).convert('RGB'), or choose three bands "
                'with gdal_translate -b 1 -b 2 -b 3 -ot Byte'
            )

    def _mode(self, path: str) -> str:
        """Pillow's mode of the file; only the header is read."""
        with fileio.get_local_path(path, self.backend_args) as local:
            try:
                with Image.open(local) as image:
                    return image.mode
            except UnidentifiedImageError:
                # OpenCV has read it: an image in a format unknown to Pillow.
                return 'RGB'

    def _read(self, path: str, results: Mapping[str, Any]) -> np.ndarray:
        content = fileio.get(path, backend_args=self.backend_args)
        return read_label(content, path, self._table(results))

    def _table(self, results: Mapping[str, Any]) -> ColourTable | IdTable:
        """The table of the dataset; one transform may serve several."""
        keys = ('num_ids', 'label_map', 'reduce_zero_label', 'colours')
        key = repr([results.get(k) for k in keys])
        if key not in self._tables:
            self._tables[key] = table_of(results, results.get('label_map'))
        return self._tables[key]
