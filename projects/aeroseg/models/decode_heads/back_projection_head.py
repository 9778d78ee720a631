# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Semantic back-projection: correlation -> guidance features (eq. 7)."""

from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from ..features import AerOSegFeatures

_TARGETS = ('guidance', 'clip', 'rgb')


@MODELS.register_module()
class BackProjectionHead(BaseModule):
    """Reconstructs a target from the refined correlation of all classes.

    Used only in training. The classes of a cell are concatenated, so the
    weights belong to one vocabulary and its order; they are dropped where a
    checkpoint is loaded with another one.

    Args:
        num_classes (int): N_C, training classes.
        in_channels (int): D, width of the refined correlation.
        out_channels (int): Channels of the target.
        hidden_channels (int): Width of the two hidden layers. The paper
            gives none; 1024 is near the input (1,152 on iSAID) and the
            output (1,024 with SAM-L).
        target (str): 'guidance' (F3, the paper), 'clip' (dense features of
            the 0-degree view) or 'rgb' (Table 5).
        loss (dict): The loss between the two.
        init_cfg (dict, optional): mmengine initialisation.

    Raises:
        ValueError: If the target is unknown.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 1024,
        target: str = 'guidance',
        loss: dict[str, Any] = {'type': 'BackProjectionLoss'},  # noqa: B006
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if target not in _TARGETS:
            raise ValueError(
                f'the back-projection target is {target!r}; allowed are '
                f'{_TARGETS}'
            )
        self.num_classes = num_classes
        self.target = target
        self.layers = nn.Sequential(
            nn.Linear(num_classes * in_channels, hidden_channels),
            nn.GELU(),
            nn.Linear(hidden_channels, hidden_channels),
            nn.GELU(),
            nn.Linear(hidden_channels, out_channels),
        )
        self.loss_sem = MODELS.build(loss)

    def forward(self, inputs: AerOSegFeatures) -> Tensor:
        """Rebuild the target.

        Args:
            inputs (AerOSegFeatures): ``refined`` (B, T, D, h, w) is used.

        Returns:
            Tensor: (B, h, w, C).

        Raises:
            ValueError: If T differs from ``num_classes``.
        """
        classes = inputs.refined.shape[1]
        if classes != self.num_classes:
            raise ValueError(
                f'back-projection was made for {self.num_classes} training '
                f"classes and got {classes}; set the model's vocabulary to "
                'the classes of the training dataset'
            )
        x = inputs.refined.permute(0, 3, 4, 1, 2).flatten(3)
        return self.layers(x)

    def loss(
        self,
        inputs: AerOSegFeatures,
        batch_data_samples: SampleList,
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """The loss of eq. 13 under the name it has in the log."""
        target = self._find_target(inputs).permute(0, 2, 3, 1)
        loss = self.loss_sem(self.forward(inputs), target)
        return {self.loss_sem.loss_name: loss}

    def _find_target(self, inputs: AerOSegFeatures) -> Tensor:
        """The target, (B, C, h, w)."""
        if self.target == 'guidance':
            return inputs.guidance[-1]
        if self.target == 'clip':
            return inputs.clip.dense[:, inputs.clip.upright]
        # Scaled to [0, 1], so that the loss is not 65,025 times larger.
        height, width = inputs.refined.shape[-2:]
        return F.adaptive_avg_pool2d(inputs.image / 255, (height, width))
