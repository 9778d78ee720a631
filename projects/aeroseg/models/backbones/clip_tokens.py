# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From an image to the tokens that enter the blocks of CLIP's image tower."""

import torch
import torch.nn.functional as F
from open_clip.transformer import VisionTransformer
from torch import Tensor


def to_patch_scale(image: Tensor, stride: int, patch_size: int) -> Tensor:
    """Resize an image so that ``stride`` of its pixels become one patch.

    Without antialiasing, as CAT-Seg shrinks 384 to 336 px for ViT-L/14.

    Args:
        image (Tensor): (B, 3, H, W); H and W multiples of the stride.
        stride (int): Image pixels per grid cell.
        patch_size (int): Pixels per patch of the tower.

    Returns:
        Tensor: (B, 3, h * patch_size, w * patch_size).

    Raises:
        ValueError: If H or W is not a multiple of the stride.
    """
    height, width = image.shape[-2:]
    if height % stride or width % stride:
        raise ValueError(
            f'the image is {height} x {width} px; both must be multiples '
            f'of the stride, {stride}: set size_divisor={stride} in the data '
            'preprocessor'
        )
    if patch_size == stride:
        return image
    size = [s // stride * patch_size for s in (height, width)]
    return F.interpolate(image, size, mode='bilinear', align_corners=False)


def embed_patches(
    visual: VisionTransformer, image: Tensor, position_offset: float = 0.0
) -> tuple[Tensor, tuple[int, int]]:
    """Patches and class token with their positions, after the first norm.

    Args:
        visual (VisionTransformer): The tower.
        image (Tensor): Normalised, (B, 3, H, W).
        position_offset (float): See :func:`position_table`.

    Returns:
        tuple[Tensor, tuple[int, int]]: Tokens (B, 1 + h * w, W), class token
        first, patches row by row; and the grid (h, w).
    """
    x = visual.conv1(image)
    grid = (x.shape[2], x.shape[3])
    x = x.flatten(2).transpose(1, 2)
    token = visual.class_embedding.to(x.dtype).expand(x.shape[0], 1, -1)
    positions = position_table(visual, grid, position_offset).to(x.dtype)
    return visual.ln_pre(torch.cat([token, x], dim=1) + positions), grid


def position_table(
    visual: VisionTransformer, grid: tuple[int, int], offset: float = 0.0
) -> Tensor:
    """Position embedding of any grid, bicubic; the native one as it is.

    Args:
        visual (VisionTransformer): The tower.
        grid (tuple[int, int]): Cells (h, w).
        offset (float): 0 resizes the table to the grid. Another value
            samples it at the steps of ``n / (h + offset)``; SCLIP and its
            successors take 0.1, as DINO's code does.

    Returns:
        Tensor: (1 + h * w, W).
    """
    table = visual.positional_embedding
    native = visual.grid_size
    if grid == native:
        return table
    maps = table[1:].unflatten(0, native).permute(2, 0, 1)[None]
    # With a factor, torch takes the steps from it, not from the sizes.
    factor = [(g + offset) / n for g, n in zip(grid, native, strict=True)]
    resized = F.interpolate(
        maps,
        None if offset else grid,
        factor if offset else None,
        mode='bicubic',
        align_corners=False,
    )
    return torch.cat([table[:1], resized[0].flatten(1).T])
