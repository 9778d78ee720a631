# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From CLIP features and text to refined correlation (eqs. 3-6)."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from aeroseg.acceleration import is_recorded

from ..layers.class_attention import ClassRefinement
from ..layers.guided_swin import GuidedSwinPair


def correlate(dense: Tensor, text: Tensor) -> Tensor:
    """Cosine similarity of every cell of every view with every prompt (eq. 3).

    Args:
        dense (Tensor): Image features, (B, R, C, h, w), any scale.
        text (Tensor): Text features, (T, P, C), any scale.

    Returns:
        Tensor: Similarities in [-1, 1], (B, T, R * P, h, w), rotations
        outside, prompts inside, as eq. 4 concatenates them.
    """
    dense = F.normalize(dense, dim=2)
    text = F.normalize(text, dim=-1)
    maps = torch.einsum('tpc,brchw->btrphw', text, dense)
    return maps.flatten(2, 3)


class RefinementLayer(nn.Module):
    """Spatial refinement, then class refinement.

    Args:
        spatial (GuidedSwinPair): Within each class.
        classes (ClassRefinement): Within each cell.
    """

    def __init__(
        self, spatial: GuidedSwinPair, classes: ClassRefinement
    ) -> None:
        super().__init__()
        self.spatial = spatial
        self.classes = classes

    def forward(
        self, x: Tensor, guidance: Tensor, text: Tensor, chunk: int = 0
    ) -> Tensor:
        """Refine.

        Args:
            x (Tensor): (B, T, h, w, D). Overwritten where T > chunk > 0.
            guidance (Tensor): (B, h, w, G).
            text (Tensor): (T, G).
            chunk (int): Classes per pass; 0 for all.

        Returns:
            Tensor: (B, T, h, w, D).
        """
        if chunk and x.shape[1] > chunk:
            for part in x.split(chunk, dim=1):
                part.copy_(self.spatial(part, guidance))
        else:
            x = self.spatial(x, guidance)
        return self.classes(x, text, chunk)


@MODELS.register_module()
class CorrelationNeck(BaseModule):
    """Correlates all views with all prompts and refines the result.

    Args:
        in_channels (int): R * P, rotations x prompts.
        guidance_channels (int): Channels of the deepest guidance map, F3.
        text_channels (int): C, width of the text features.
        embed_dims (int): D, width of the correlation.
        guidance_dims (int): Width of the projected guidance.
        text_dims (int): Width of the projected text.
        num_layers (int): Refinement layers (two in the paper).
        num_heads (int): Heads of both attentions.
        window_size (int): Cells per side of an attention window of the
            spatial refinement.
        pool_train (int): Cells per side that class refinement averages
            over while training: 2, as published for CAT-Seg and OVRS.
        pool_test (int): The same in evaluation: 1, as in their test scripts.
        num_slots (int): Classes that class refinement fills up to with a
            learned token, so that 9 training and 15 test classes give similar
            sums; 256 as published, 0 to switch it off. More classes than
            that are all used (the published code keeps only the best 256).
        kernel_size (int): Of the convolution over the correlation (eq. 4).
        class_chunk (int): Classes per pass where no gradient is needed, so
            that memory does not grow with the vocabulary.
        with_cp (bool): Recompute activations in the backward pass.
        init_cfg (dict, optional): mmengine initialisation.
    """

    def __init__(
        self,
        in_channels: int,
        guidance_channels: int,
        text_channels: int,
        embed_dims: int = 128,
        guidance_dims: int = 128,
        text_dims: int = 128,
        num_layers: int = 2,
        num_heads: int = 4,
        window_size: int = 12,
        pool_train: int = 2,
        pool_test: int = 1,
        num_slots: int = 256,
        kernel_size: int = 7,
        class_chunk: int = 16,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels = in_channels
        self.embed_dims = embed_dims
        self.class_chunk = class_chunk
        self.with_cp = with_cp
        self.embed = nn.Conv2d(
            in_channels, embed_dims, kernel_size, padding=kernel_size // 2
        )
        self.guidance_proj = nn.Sequential(
            nn.Conv2d(guidance_channels, guidance_dims, 3, padding=1),
            nn.ReLU(),
        )
        self.text_proj = nn.Sequential(
            nn.Linear(text_channels, text_dims), nn.ReLU()
        )
        self.layers = nn.ModuleList(
            RefinementLayer(
                GuidedSwinPair(
                    embed_dims, guidance_dims, num_heads, window_size
                ),
                ClassRefinement(
                    embed_dims,
                    text_dims,
                    num_heads,
                    pool_train,
                    pool_test,
                    num_slots,
                ),
            )
            for _ in range(num_layers)
        )

    def forward(self, dense: Tensor, text: Tensor, guidance: Tensor) -> Tensor:
        """Correlate and refine.

        Args:
            dense (Tensor): CLIP features, (B, R, C, h, w).
            text (Tensor): Text features, (T, P, C).
            guidance (Tensor): F3, (B, G, h, w).

        Returns:
            Tensor: Refined correlation, (B, T, D, h, w).

        Raises:
            ValueError: If rotations x prompts differ from ``in_channels``.
        """
        if dense.shape[1] * text.shape[1] != self.in_channels:
            raise ValueError(
                f'{dense.shape[1]} rotations x {text.shape[1]} prompts do not '
                f'fit a neck made for {self.in_channels} maps; keep the '
                'rotations and templates of the training config'
            )
        chunk = 0 if is_recorded() else self.class_chunk
        x = self.embed_correlation(correlate(dense, text), chunk)
        guidance = self.project_guidance(guidance)
        text = self.project_text(text)
        for layer in self.layers:
            if self.with_cp and self.training:
                x = checkpoint(layer, x, guidance, text, use_reentrant=False)
            else:
                x = layer(x, guidance, text, chunk)
        return x.permute(0, 1, 4, 2, 3)

    def embed_correlation(self, maps: Tensor, chunk: int = 0) -> Tensor:
        """Eq. 4: (B, T, R * P, h, w) -> (B, T, h, w, D)."""
        if not chunk or maps.shape[1] <= chunk:
            return self._embed(maps).contiguous()
        # Written in place: joining a list would need twice the memory.
        first, *parts = maps.split(chunk, dim=1)
        embedded = self._embed(first)
        out = embedded.new_empty(*maps.shape[:2], *embedded.shape[2:])
        out[:, :chunk] = embedded
        for index, part in enumerate(parts, start=1):
            out[:, index * chunk : (index + 1) * chunk] = self._embed(part)
        return out

    def _embed(self, maps: Tensor) -> Tensor:
        """Eq. 4 for some classes."""
        x = self.embed(maps.flatten(0, 1)).permute(0, 2, 3, 1)
        return x.unflatten(0, maps.shape[:2])

    def project_guidance(self, guidance: Tensor) -> Tensor:
        """P_v of eq. 5: (B, C, h, w) -> (B, h, w, G)."""
        return self.guidance_proj(guidance).permute(0, 2, 3, 1)

    def project_text(self, text: Tensor) -> Tensor:
        """P_l of eq. 6 on the mean over prompts: (T, P, C) -> (T, G)."""
        return self.text_proj(F.normalize(text.mean(dim=1), dim=-1))
