# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP in two stages."""

import pytest
import torch
import torch.nn.functional as F
from open_clip.model import _build_vision_tower

from aeroseg.models import SplitCLIP

MODEL = {
    'embed_dim': 32,
    'quick_gelu': True,
    'vision_cfg': {
        'image_size': 64,
        'patch_size': 16,
        'width': 64,
        'layers': 4,
        'head_width': 32,
    },
    'text_cfg': {'width': 32, 'heads': 2, 'layers': 2},
}


@pytest.fixture
def tower() -> SplitCLIP:
    return SplitCLIP(MODEL, stride=16).eval()


def test_a_mask_without_bias_is_the_image_for_clip(tower: SplitCLIP) -> None:
    # A bias of 0 leaves a copy what the class token sees, but for the class
    # token itself: each copy stands in for it.
    clip = _build_vision_tower(32, MODEL['vision_cfg'], quick_gelu=True)
    clip.load_state_dict(dict(fused(tower.visual.state_dict())))
    image = torch.randn(2, 3, 64, 64)
    first = tower(image)
    found = tower.recognise(first, torch.zeros(2, 2, 5, 4, 4))
    expected = F.normalize(clip.eval()(image), dim=-1)
    assert torch.allclose(found, expected[:, None].expand_as(found), atol=1e-5)


def fused(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """q, k and v as open_clip keeps them: in one tensor."""
    whole = dict(state)
    for key in [k for k in whole if k.endswith('q_proj_weight')]:
        stem = key.removesuffix('q_proj_weight')
        parts = [whole.pop(f'{stem}{p}_proj_weight') for p in 'qkv']
        whole[f'{stem}in_proj_weight'] = torch.cat(parts)
    return whole


def test_masks_do_not_see_each_other(tower: SplitCLIP) -> None:
    first = tower(torch.randn(1, 3, 64, 64))
    bias = torch.randn(1, 2, 6, 8, 8)
    together = tower.recognise(first, bias)
    alone = tower.recognise(first, bias[:, :, 2:3])
    assert torch.allclose(together[:, 2:3], alone, atol=1e-5)


def test_the_maps_are_those_of_evenly_spaced_blocks(tower: SplitCLIP) -> None:
    assert SplitCLIP('ViT-B-16-quickgelu').map_indices == [0, 3, 6, 9]
    first = tower(torch.randn(2, 3, 64, 96))
    assert [m.shape for m in first.maps] == [(2, 64, 4, 6)] * 4
    assert first.tokens.shape == (2, 25, 64)
    last = first.tokens[:, 1:].transpose(1, 2).unflatten(2, (4, 6))
    assert torch.equal(first.maps[-1], last)


def test_only_the_positions_are_trained(tower: SplitCLIP) -> None:
    trained = [n for n, p in tower.named_parameters() if p.requires_grad]
    assert trained == ['visual.positional_embedding']


@pytest.mark.parametrize(
    'wrong', [{'split': 0}, {'split': 4}, {'num_maps': 1}, {'num_maps': 5}]
)
def test_stages_need_blocks(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match='allowed are 1 to 3 blocks'):
        SplitCLIP(MODEL, **wrong)
