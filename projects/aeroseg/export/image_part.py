# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The part of a model that looks at images, with the words as an input."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from aeroseg.models.features import AerOSegFeatures, ImageFeatures
from aeroseg.models.segmentors import AerOSeg


class ImagePart(nn.Module):
    """Everything of AerOSeg but the text encoder.

    CAT-Seg and OVRS are configs of the same class and work as well.

    Args:
        model (nn.Module): The model.

    Raises:
        ValueError: If the model is another system.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not isinstance(model, AerOSeg):
            raise ValueError(
                f'{type(model).__name__} cannot be exported; AerOSeg, CAT-Seg '
                'and OVRS can'
            )
        self.backbone = model.backbone
        self.guidance_encoder = model.guidance_encoder
        self.neck = model.neck
        self.decode_head = model.decode_head

    def forward(self, images: Tensor, text: Tensor) -> Tensor:
        """Logits of every class.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W).
            text (Tensor): Text features, (T, P, C), any scale.

        Returns:
            Tensor: (B, T, 4 h, 4 w) for a grid of h x w cells.
        """
        seen = ImageFeatures.of(images, self.backbone, self.guidance_encoder)
        return self.decode_head(AerOSegFeatures.of(seen, text, self.neck))


def export_image_part(model: Any, side: int) -> ExportedProgram:
    """Export with torch.export; batch and number of classes stay open.

    Args:
        model (nn.Module): A model on the CPU, in evaluation mode.
        side (int): Side of the square images, px.

    Returns:
        ExportedProgram: From images (B, 3, side, side) and text features
        (T, P, C) to logits; see :class:`ImagePart`.

    Raises:
        ValueError: If the model is another system, or the side is not a
            multiple of its stride.
    """
    part = ImagePart(model).eval()
    if side < 1 or side % model.stride:
        raise ValueError(
            f'side {side} must be a multiple of the stride of the model, '
            f'{model.stride} px'
        )
    if not hasattr(torch.compiler, 'is_exporting'):
        raise ValueError(
            f'exporting needs torch 2.7 or later; this is {torch.__version__}'
        )
    text = model.text_encoder
    # Sizes above 1, since torch.export takes a 1 for a constant.
    images = torch.full((2, 3, side, side), 128.0)
    words = torch.zeros(3, text.num_prompts, text.embed_dims)
    words[..., 0] = 1
    shapes = ({0: Dim('batch')}, {0: Dim('classes')})
    with torch.no_grad():
        return torch.export.export(
            part, (images, words), dynamic_shapes=shapes
        )
