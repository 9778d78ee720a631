# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP's image tower block by block: of whole images and of masked crops."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

from ..layers.clip_towers import ClipModel, build_vision_tower, run_block
from .clip_tokens import embed_patches


class BlockFeatures(NamedTuple):
    """What :class:`BlockCLIP` returns of images.

    Attributes:
        maps (tuple[Tensor, ...]): After half, three quarters and all of the
            blocks, (B, W, h, w).
        class_tokens (Tensor): After every block, (blocks, B, W).
        embedding (Tensor): Of the image, unit length, (B, C).
    """

    maps: tuple[Tensor, ...]
    class_tokens: Tensor
    embedding: Tensor


@MODELS.register_module()
class BlockCLIP(BaseModule):
    """The frozen CLIP of SCAN (arXiv:2312.04089), written from its facts.

    Images of any size are squeezed to the size of the tower.

    Args:
        model (str | dict): open_clip model name or config.
        resize (str): Interpolation of whole images: 'nearest', as the
            published code has it, or 'bilinear'.
        num_shifts (int, optional): Contextual shift: background tokens of a
            crop are replaced so many times, after blocks 1, 3, 5, ...
            Default: 3 times in 12 blocks and 5 times in 24, as published,
            else a quarter of the blocks.
        init_cfg (dict, optional): ``dict(type='CLIPPretrained',
            checkpoint=...)``.

    Raises:
        ValueError: If `resize` is something else, or the tower has fewer
            than four blocks.
    """

    def __init__(
        self,
        model: ClipModel = 'ViT-B-16',
        resize: str = 'nearest',
        num_shifts: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if resize not in ('nearest', 'bilinear'):
            raise ValueError(
                f"resize={resize!r}; allowed are 'nearest' and 'bilinear'"
            )
        self.model = model
        self.resize = resize
        self.visual = build_vision_tower(model).requires_grad_(False)
        depth = len(self.visual.transformer.resblocks)
        if depth < 4:
            raise ValueError(
                f'the tower of {model!r} has {depth} blocks; SCAN takes maps '
                'after half, three quarters and all of at least four'
            )
        if num_shifts is None:
            num_shifts = {12: 3, 24: 5}.get(depth, depth // 4)
        self.shift_blocks = tuple(range(0, 2 * num_shifts, 2))
        for name, value in (
            ('mean', OPENAI_DATASET_MEAN),
            ('std', OPENAI_DATASET_STD),
        ):
            pixel = 255 * torch.tensor(value).view(3, 1, 1)
            self.register_buffer(name, pixel, persistent=False)

    @property
    def size(self) -> tuple[int, int]:
        """Pixels (H, W) that the tower sees."""
        grid, patch = self.visual.grid_size, self.visual.patch_size
        return grid[0] * patch[0], grid[1] * patch[1]

    @property
    def hidden_dims(self) -> int:
        """W, the width of the maps."""
        return self.visual.class_embedding.numel()

    def normalise(self, image: Tensor) -> Tensor:
        """RGB 0-255 to what CLIP was trained on."""
        return (image - self.mean) / self.std

    @torch.no_grad()
    def forward(self, image: Tensor) -> BlockFeatures:
        """Encode whole images.

        Args:
            image (Tensor): RGB, 0-255, (B, 3, H, W).
        """
        x = self.normalise(image)
        x = F.interpolate(x, self.size, mode=self.resize)
        x, grid = embed_patches(self.visual, x)
        kept = []
        for block in self.visual.transformer.resblocks:
            x = run_block(block, x)
            kept.append(x)
        depth = len(kept)
        maps = (
            kept[i][:, 1:].transpose(1, 2).unflatten(2, grid)
            for i in (depth // 2 - 1, 3 * depth // 4 - 1, depth - 1)
        )
        tokens = torch.stack([x[:, 0] for x in kept])
        return BlockFeatures(tuple(maps), tokens, self._embed(x))

    @torch.no_grad()
    def recognise(
        self,
        crops: Tensor,
        foreground: Tensor,
        class_tokens: Tensor,
        ratio: float,
        draws: Tensor,
    ) -> Tensor:
        """Encode masked crops of one image, with its context put in.

        Args:
            crops (Tensor): Normalised, (M, 3, H, W), of :attr:`size`.
            foreground (Tensor): Whether a patch shows some of the mask,
                (M, h * w).
            class_tokens (Tensor): Of the whole image in the original tower,
                after every block, (blocks, W).
            ratio (float): Share of the background tokens that the class
                token of the whole image replaces, 0 to 1, rounded down.
            draws (Tensor): Random numbers from 0 to 1 that choose the tokens,
                (len(shift_blocks), M, h * w).

        Returns:
            Tensor: Unit features, (M, C).
        """
        x, _ = embed_patches(self.visual, crops)
        chosen = {
            index: choose_background(foreground, ratio, draw)
            for index, draw in zip(self.shift_blocks, draws, strict=True)
        }
        for index, block in enumerate(self.visual.transformer.resblocks):
            x = run_block(block, x)
            if index in chosen:
                patches = torch.where(
                    chosen[index][..., None], class_tokens[index], x[:, 1:]
                )
                x = torch.cat([x[:, :1], patches], dim=1)
        return self._embed(x)

    def _embed(self, x: Tensor) -> Tensor:
        x = self.visual.ln_post(x[:, 0]) @ self.visual.proj
        return F.normalize(x, dim=-1)


def choose_background(
    foreground: Tensor, ratio: float, draw: Tensor
) -> Tensor:
    """A random share of the background tokens.

    Args:
        foreground (Tensor): (M, N) bool.
        ratio (float): Share of each row's background, rounded down.
        draw (Tensor): Random numbers from 0 to 1, (M, N); the lowest win.

    Returns:
        Tensor: (M, N) bool, never where the foreground is.
    """
    rank = draw.masked_fill(foreground, 2).argsort(dim=1).argsort(dim=1)
    number = (ratio * (~foreground).sum(dim=1, keepdim=True)).floor()
    return rank < number


def crop_masks(
    image: Tensor, masks: Tensor, size: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Each mask's own box of the image, nothing outside of the mask.

    Args:
        image (Tensor): Normalised, so that 0 is CLIP's mean colour,
            (3, H, W).
        masks (Tensor): (M, H, W) bool, none of them empty.
        size (Sequence[int]): (height, width) the boxes are squeezed to:
            the image bicubic, the mask nearest.

    Returns:
        tuple[Tensor, Tensor]: (M, 3, *size) and bool (M, *size).
    """
    crops, parts = [], []
    for mask in masks:
        rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        box = (
            slice(int(rows[0]), int(rows[-1]) + 1),
            slice(int(columns[0]), int(columns[-1]) + 1),
        )
        part = mask[box][None, None].to(image.dtype)
        crop = image[:, box[0], box[1]][None] * part
        crops.append(
            F.interpolate(crop, size, mode='bicubic', align_corners=False)[0]
        )
        parts.append(F.interpolate(part, size)[0, 0] > 0.5)
    return torch.stack(crops), torch.stack(parts)
