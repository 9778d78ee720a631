# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest
import torch

from aeroseg.models.backbones.clip_tokens import (
    embed_patches,
    position_table,
    to_patch_scale,
)
from aeroseg.models.layers.clip_towers import build_vision_tower

CLIP = {
    'embed_dim': 8,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 8,
        'width': 16,
        'layers': 1,
        'head_width': 8,
    },
    'text_cfg': {'width': 8, 'heads': 1, 'layers': 1},
}


@pytest.mark.parametrize('offset', [0.0, 0.1])
@pytest.mark.parametrize('grid', [(2, 8), (3, 5), (9, 1)])
def test_positions_have_the_grid_and_keep_the_class_token(
    offset: float, grid: tuple[int, int]
) -> None:
    """2 x 8 cells are as many as the native 4 x 4, and another shape."""
    visual = build_vision_tower(CLIP)
    native = position_table(visual, (4, 4), offset)
    assert native is visual.positional_embedding
    table = position_table(visual, grid, offset)
    assert table.shape == (1 + grid[0] * grid[1], 16)
    assert torch.equal(table[0], native[0])
    assert not torch.equal(table[1:5], native[1:5])


def test_the_offset_moves_the_samples() -> None:
    visual = build_vision_tower(CLIP)
    plain = position_table(visual, (6, 6))
    assert (plain - position_table(visual, (6, 6), 0.1)).abs().max() > 1e-3


def test_tokens_come_row_by_row_behind_the_class_token() -> None:
    visual = build_vision_tower(CLIP)
    tokens, grid = embed_patches(visual, torch.rand(2, 3, 16, 24))
    assert (tokens.shape, grid) == ((2, 7, 16), (2, 3))


def test_scale_of_the_patches() -> None:
    image = torch.rand(1, 3, 32, 48)
    assert to_patch_scale(image, 16, 16) is image
    assert to_patch_scale(image, 16, 8).shape == (1, 3, 16, 24)
    with pytest.raises(ValueError, match='multiples of the stride, 16'):
        to_patch_scale(image[..., :40], 16, 8)
