# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What heads for open vocabularies share."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.decode_heads.decode_head import BaseDecodeHead


class OpenVocabHead(BaseDecodeHead):
    """mmseg's head without a classifier.

    The vocabulary decides how many classes there are; mmseg asks for a
    number and makes a classifier of it, which is not needed.

    Args:
        in_channels (int): Channels of the maps that come in.
        channels (int): Channels before the classes are scored.
        class_chunk (int): Classes per pass where no gradient is needed.
        loss_decode (dict | list[dict]): Losses on the logits.
        **kwargs: Further arguments of ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        class_chunk: int = 16,
        loss_decode: dict | Sequence[dict] = ({'type': 'OpenVocabBCELoss'},),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels,
            channels,
            num_classes=3,
            dropout_ratio=0,
            loss_decode=loss_decode,
            init_cfg=kwargs.pop('init_cfg', None),
            **kwargs,
        )
        del self.conv_seg
        self.threshold = 0.5  # mmseg reads it where there is one class
        self.class_chunk = class_chunk
