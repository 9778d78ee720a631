# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""RGB batches, padded, without normalisation."""

from typing import Any

from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS


@MODELS.register_module()
class RGBDataPreProcessor(SegDataPreProcessor):
    """mmseg's data preprocessor with the checks and defaults of AerOSeg.

    Images come out as RGB, 0-255: CLIP and SAM normalise differently, so each
    encoder does it for itself. Padding is grey (128) and ignored (255).

    Args:
        size (tuple[int, int], optional): Pad training batches to (H, W).
        **kwargs: Further arguments of ``SegDataPreProcessor``.
    """

    def __init__(
        self, size: tuple[int, int] | None = None, **kwargs: Any
    ) -> None:
        defaults = {'bgr_to_rgb': True, 'pad_val': 128, 'seg_pad_val': 255}
        super().__init__(size=size, **{**defaults, **kwargs})
        self.size: tuple[int, ...] | None

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Make a batch.

        Raises:
            ValueError: If an image has not three channels, or the sizes
                differ and nothing says what to pad to.
        """
        shapes = [tuple(image.shape) for image in data['inputs']]
        size = self.size
        if any(len(s) != 3 or s[0] != 3 for s in shapes):
            raise ValueError(
                f'an image of the batch is not RGB: shapes {shapes}; give '
                'three channels (3, H, W)'
            )
        pads = bool(size or self.size_divisor)
        if not training:
            pads = bool(self.test_cfg)
        if len(set(shapes)) > 1 and not pads:
            raise ValueError(
                f'images of different sizes in one batch: {shapes}; set '
                'batch_size=1, or give the data preprocessor a size or a '
                'size_divisor (in test_cfg for testing) to pad to'
            )
        if training and not pads:
            # mmseg requires a size, though there is none to pad to.
            self.size = shapes[0][1:]
            try:
                return super().forward(data, training)
            finally:
                self.size = size
        return super().forward(data, training)
