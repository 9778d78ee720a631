# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The attention-aware upsampling decoder (eqs. 8-11)."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from aeroseg.acceleration import is_recorded

from ..features import AerOSegFeatures
from ..layers.upsample import UpsampleStage
from .guidance_projection import GuidanceProjection
from .open_vocab_head import OpenVocabHead

_KEPT_CLASSES = 160


@MODELS.register_module()
class AttentionUpsampleHead(OpenVocabHead):
    """Refined correlation -> one logit per class at four times the grid.

    Without attention and with transposed convolutions for the guidance it is
    the decoder of CAT-Seg; with both, that of OVRS.

    Args:
        in_channels (int): D, width of the refined correlation.
        guidance_channels (Sequence[int]): Channels of the guidance maps from
            shallow to deep, (F1, F2) or more.
        guidance_index (Sequence[int]): Which map guides the first and the
            second stage. (1, 0): F2, then F1. The paper names F2 for the
            first stage (eq. 10), which leaves F1 for the second; OVRS uses
            them from shallow to deep, (0, 1).
        guidance_dims (Sequence[int]): Guidance channels per stage.
        guidance_upsample (str): 'nearest' (eq. 10) or 'deconv' (as
            published for CAT-Seg and OVRS).
        deconv_channels (Sequence[int]): Channels after 'deconv', per stage.
        stage_channels (Sequence[int]): Channels after each stage.
        attention (bool): Weigh the guidance by attention (eqs. 8-10).
        class_chunk (int): Classes per pass where no gradient is needed.
        loss_decode (dict | list[dict]): Losses on the logits.
        **kwargs: Further arguments of ``BaseDecodeHead``.
    """

    def __init__(
        self,
        in_channels: int,
        guidance_channels: Sequence[int],
        guidance_index: Sequence[int] = (1, 0),
        guidance_dims: Sequence[int] = (32, 16),
        guidance_upsample: str = 'nearest',
        deconv_channels: Sequence[int] = (256, 128),
        stage_channels: Sequence[int] = (64, 32),
        attention: bool = True,
        class_chunk: int = 16,
        loss_decode: dict | Sequence[dict] = ({'type': 'OpenVocabBCELoss'},),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels, stage_channels[-1], class_chunk, loss_decode, **kwargs
        )
        self.guidance_index = tuple(guidance_index)
        widths = (in_channels, *stage_channels)
        self.guidance_proj = nn.ModuleList()
        stages = []
        for i, index in enumerate(self.guidance_index):
            self.guidance_proj.append(
                GuidanceProjection(
                    guidance_channels[index],
                    guidance_dims[i],
                    2 ** (i + 1),
                    guidance_upsample,
                    deconv_channels[i],
                )
            )
            stages.append(
                UpsampleStage(
                    widths[i], widths[i + 1], guidance_dims[i], attention
                )
            )
        self.stages = nn.ModuleList(stages)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, inputs: AerOSegFeatures) -> Tensor:
        """Decode.

        Args:
            inputs (AerOSegFeatures): Of it, ``refined`` (B, T, D, h, w) and
                ``guidance`` are used.

        Returns:
            Tensor: Logits, (B, T, 4h, 4w).
        """
        guidance = [
            project(inputs.guidance[index])
            for project, index in zip(
                self.guidance_proj, self.guidance_index, strict=True
            )
        ]
        return self.decode(inputs.refined, guidance)

    def decode(self, x: Tensor, guidance: Sequence[Tensor]) -> Tensor:
        """Upsample with guidance that is already projected.

        Args:
            x (Tensor): (B, T, D, h, w).
            guidance (Sequence[Tensor]): (B, G, 2h, 2w) and (B, G, 4h, 4w).

        Returns:
            Tensor: Logits, (B, T, 4h, 4w).
        """
        parts, number = [x], 1
        if not is_recorded():
            parts = list(x.split(self.class_chunk, dim=1))
            number = max(1, _KEPT_CLASSES // self.class_chunk)
        first, second = cast(Iterable[UpsampleStage], self.stages)
        shared = first.prepare(x.mean(dim=1), guidance[0])
        # The second stage needs the mean over all classes of the first one's
        # output. Few classes are kept, many are computed twice: their maps
        # would take more memory than everything else.
        kept = [first(part, shared) for part in parts[:number]]
        total = sum(part.sum(dim=1) for part in kept)
        for part in parts[number:]:
            total = total + first(part, shared).sum(dim=1)
        last = second.prepare(total / x.shape[1], guidance[1])
        logits = [self._classify(second(part, last)) for part in kept]
        for part in parts[number:]:
            logits.append(self._classify(second(first(part, shared), last)))
        return torch.cat(logits, dim=1)

    def _classify(self, x: Tensor) -> Tensor:
        """(B, T, C, H, W) -> (B, T, H, W)."""
        return self.head(x.flatten(0, 1)).view(*x.shape[:2], *x.shape[3:])
