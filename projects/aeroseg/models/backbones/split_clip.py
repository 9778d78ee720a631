# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP's image tower in two stages: features of the image, then of masks."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

from ..layers.clip_towers import ClipModel, build_vision_tower, run_block
from .clip_tokens import embed_patches, to_patch_scale

_CLOSED = -100.0  # score of what a mask token must not look at, as published


class FirstStage(NamedTuple):
    """What the first stage of :class:`SplitCLIP` returns.

    Attributes:
        maps (tuple[Tensor, ...]): After the first norm and after some blocks,
            (B, W, h, w) each, from shallow to deep.
        tokens (Tensor): Where the second stage begins, (B, 1 + h * w, W),
            class token first.
        grid (tuple[int, int]): Cells (h, w).
    """

    maps: tuple[Tensor, ...]
    tokens: Tensor
    grid: tuple[int, int]


@MODELS.register_module()
class SplitCLIP(BaseModule):
    """The CLIP of SAN (arXiv:2302.12242): recognises masks, does not learn.

    The first blocks run once per image. The last ones run on copies of the
    class token, one per mask, that see the patches through the attention
    bias of their mask. Of the tower only the position embedding is trained,
    as in the published code (github.com/MendelXu/SAN).

    Args:
        model (str | dict): open_clip model name or config.
        split (int, optional): Blocks of the first stage. Default: three
            quarters, 9 of 12 and 18 of 24 as published.
        num_maps (int): Maps for the side network, evenly spaced.
        stride (int): Image pixels per cell; 32 for B/16 and 20 for L/14 give
            the published sizes, 320 and 448 px of 640.
        init_cfg (dict, optional): ``dict(type='CLIPPretrained',
            checkpoint=...)``.

    Raises:
        ValueError: If a stage would have no block, or there are more maps
            than blocks.
    """

    def __init__(
        self,
        model: ClipModel = 'ViT-B-16-quickgelu',
        split: int | None = None,
        num_maps: int = 4,
        stride: int = 32,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model = model
        self.visual = build_vision_tower(model)
        self.stride = stride
        depth = len(self.visual.transformer.resblocks)
        self.split = depth * 3 // 4 if split is None else split
        if not 0 < self.split < depth or not 2 <= num_maps <= self.split + 1:
            raise ValueError(
                f'split={self.split}, num_maps={num_maps} for a tower of '
                f'{depth} blocks; allowed are 1 to {depth - 1} blocks in the '
                'first stage and 2 to split + 1 maps'
            )
        steps = num_maps - 1
        self.map_indices = [i * self.split // steps for i in range(num_maps)]
        self.visual.requires_grad_(False)
        self.visual.positional_embedding.requires_grad = True
        for name, value in (
            ('mean', OPENAI_DATASET_MEAN),
            ('std', OPENAI_DATASET_STD),
        ):
            pixel = 255 * torch.tensor(value).view(3, 1, 1)
            self.register_buffer(name, pixel, persistent=False)

    @property
    def hidden_dims(self) -> int:
        """W, the width of the maps."""
        return self.visual.class_embedding.numel()

    @property
    def num_heads(self) -> int:
        """Heads of the attention, each with a bias of its own."""
        return self.visual.transformer.resblocks[-1].attn.num_heads

    def normalise(self, image: Tensor) -> Tensor:
        """RGB 0-255 to what CLIP was trained on."""
        return (image - self.mean) / self.std

    def forward(self, image: Tensor) -> FirstStage:
        """The first stage.

        Args:
            image (Tensor): Normalised, (B, 3, H, W); H and W multiples of
                the stride.

        Raises:
            ValueError: If H or W is not a multiple of the stride.
        """
        visual = self.visual
        image = to_patch_scale(image, self.stride, visual.patch_size[0])
        x, grid = embed_patches(visual, image)
        kept = {0: x}
        for index in range(self.split):
            x = run_block(visual.transformer.resblocks[index], x)
            kept[index + 1] = x
        maps = (
            kept[i][:, 1:].transpose(1, 2).unflatten(2, grid)
            for i in self.map_indices
        )
        return FirstStage(tuple(maps), x, grid)

    def recognise(self, first: FirstStage, bias: Tensor) -> Tensor:
        """The second stage: a feature per mask.

        Args:
            first (FirstStage): Of the same images.
            bias (Tensor): Attention bias of Q masks, (B, heads, Q, h', w').

        Returns:
            Tensor: Unit features in the space of the text, (B, Q, C).
        """
        tokens, queries = first.tokens, bias.shape[2]
        copies = tokens[:, :1].expand(-1, queries, -1)
        x = torch.cat([copies, tokens], dim=1)
        scores = self._scores(bias, first.grid, x.shape[1])
        for block in self.visual.transformer.resblocks[self.split :]:
            x = run_block(block, x, bias=scores)
        x = self.visual.ln_post(x[:, :queries]) @ self.visual.proj
        return F.normalize(x, dim=-1)

    @staticmethod
    def _scores(bias: Tensor, grid: tuple[int, int], length: int) -> Tensor:
        """What is added to the scores of all tokens, (B, heads, L, L).

        A copy sees itself and, through its bias, the patches; nothing else
        sees a copy.
        """
        queries = bias.shape[2]
        pooled = F.adaptive_max_pool2d(bias.flatten(1, 2), grid)
        pooled = pooled.unflatten(1, (-1, queries)).flatten(3)
        scores = pooled.new_zeros(length, length)
        scores[:, :queries] = _CLOSED
        scores[:queries, queries] = _CLOSED
        scores[:queries, :queries].fill_diagonal_(0)
        scores = scores.repeat(*pooled.shape[:2], 1, 1)
        scores[..., :queries, queries + 1 :] = pooled
        return scores
