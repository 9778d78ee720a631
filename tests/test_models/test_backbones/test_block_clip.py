# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP block by block: equal to open_clip, and the context of crops."""

import open_clip
import pytest
import torch

from aeroseg.models.backbones.block_clip import (
    BlockCLIP,
    choose_background,
    crop_masks,
)

CLIP = {
    'embed_dim': 32,
    'vision_cfg': {
        'image_size': 64,
        'patch_size': 16,
        'width': 64,
        'layers': 4,
        'head_width': 32,
    },
    'text_cfg': {'width': 32, 'heads': 2, 'layers': 2},
}
NONE = torch.rand(1, 3, 16)


@pytest.fixture
def clip() -> BlockCLIP:
    torch.manual_seed(0)
    return BlockCLIP(CLIP).eval()


def test_the_embedding_is_that_of_open_clip(clip: BlockCLIP) -> None:
    whole = open_clip.CLIP(
        32,
        open_clip.CLIPVisionCfg(**CLIP['vision_cfg']),
        open_clip.CLIPTextCfg(**CLIP['text_cfg']),
    ).eval()
    clip.visual.load_state_dict(whole.visual.state_dict())
    images = 255 * torch.rand(2, 3, 128, 128)
    found = clip(images)
    small = clip.normalise(images)[..., ::2, ::2]  # nearest
    with torch.no_grad():
        expected = whole.encode_image(small, normalize=True)
    assert torch.allclose(found.embedding, expected, atol=1e-5)
    assert [tuple(m.shape) for m in found.maps] == [(2, 64, 4, 4)] * 3
    assert found.class_tokens.shape == (4, 2, 64)
    # Without replaced tokens a crop of everything is the image itself.
    everything = torch.ones(2, 16, dtype=torch.bool)
    features = clip.recognise(
        small, everything, found.class_tokens[:, 0], 1.0, torch.rand(1, 2, 16)
    )
    assert torch.allclose(features, expected, atol=1e-5)
    nothing = clip.recognise(
        small, ~everything, found.class_tokens[:, 0], 0.0, NONE[:, :2]
    )
    assert torch.allclose(nothing, expected, atol=1e-5)


def test_context_replaces_background_after_odd_blocks(
    clip: BlockCLIP,
) -> None:
    for layers, shifts in ((4, (0,)), (12, (0, 2, 4)), (24, (0, 2, 4, 6, 8))):
        vision = {**CLIP['vision_cfg'], 'layers': layers}
        with torch.device('meta'):
            made = BlockCLIP({**CLIP, 'vision_cfg': vision})
        assert made.shift_blocks == shifts
    crops = torch.randn(2, 3, 64, 64)
    foreground = torch.zeros(2, 16, dtype=torch.bool)
    foreground[:, :8] = True
    tokens = torch.randn(4, 64)
    draws = torch.rand(1, 2, 16)
    before = clip.recognise(crops, foreground, tokens, 0.0, draws)
    after = clip.recognise(crops, foreground, tokens, 0.5, draws)
    assert not torch.allclose(before, after, atol=1e-3)
    # Only the token after the first block counts.
    tokens[1:] = 0
    again = clip.recognise(crops, foreground, tokens, 0.5, draws)
    assert torch.equal(after, again)


def test_a_share_of_the_background_is_chosen() -> None:
    foreground = torch.rand(50, 30) < 0.4
    chosen = choose_background(foreground, 0.15, torch.rand(50, 30))
    assert not (chosen & foreground).any()
    expected = (0.15 * (~foreground).sum(dim=1)).floor()
    assert torch.equal(chosen.sum(dim=1).float(), expected)
    everything = torch.ones(1, 30, dtype=torch.bool)
    assert not choose_background(everything, 1.0, torch.rand(1, 30)).any()


def test_crops_show_a_mask_in_its_own_box() -> None:
    image = torch.randn(3, 20, 30)
    masks = torch.zeros(2, 20, 30, dtype=torch.bool)
    masks[0, 4:12, 10:26] = True
    masks[0, 4:8, 10:18] = False  # a corner is missing
    masks[1, 19, 29] = True  # one pixel
    crops, inside = crop_masks(image, masks, (8, 16))
    box = image[:, 4:12, 10:26].clone()
    box[:, :4, :8] = 0
    assert torch.allclose(crops[0], box, atol=1e-5)
    assert torch.equal(inside[0], masks[0, 4:12, 10:26])
    pixel = image[:, 19, 29, None, None].expand(3, 8, 16)
    assert torch.allclose(crops[1], pixel, atol=1e-5)
    assert inside[1].all()


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="'nearest' and 'bilinear'"):
        BlockCLIP(CLIP, resize='area')
    vision = {**CLIP['vision_cfg'], 'layers': 3}
    with pytest.raises(ValueError, match='3 blocks'):
        BlockCLIP({**CLIP, 'vision_cfg': vision})
