# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest
import torch

from aeroseg.models.guidance import DINOGuidance

SMALL = {
    'embed_dim': 16,
    'depth': 3,
    'num_heads': 2,
    'patch_size': 8,
    'img_size': 32,
}


def test_maps_of_any_size_on_the_patch_grid() -> None:
    encoder = DINOGuidance(SMALL, (0, 1))
    maps = encoder(255 * torch.rand(2, 3, 48, 24))
    assert [tuple(m.shape) for m in maps] == [(2, 16, 6, 3)] * 3
    assert encoder.stride == 8
    assert not encoder.train().training


def test_the_deepest_map_is_the_normalised_output() -> None:
    encoder = DINOGuidance({**SMALL, 'reg_tokens': 4}, (0, 1))
    image = 255 * torch.rand(1, 3, 32, 32)
    tokens = encoder.encoder.forward_features(encoder.normalise(image))
    expected = tokens[:, 5:].transpose(1, 2).unflatten(2, (4, 4))
    torch.testing.assert_close(encoder(image)[-1], expected)


def test_names_of_dino_and_dinov2() -> None:
    with torch.device('meta'):
        assert DINOGuidance('vit_base_patch8_224.dino').stride == 8
        second = DINOGuidance('vit_base_patch14_reg4_dinov2.lvd142m')
    assert second.encoder.num_prefix_tokens == 5


@pytest.mark.parametrize('model', ['resnet50', 'no_such_model'])
def test_another_network_is_refused(model: str) -> None:
    with pytest.raises(ValueError, match=r'vit_base_patch8_224\.dino'):
        DINOGuidance(model)


def save(path: Path, encoder: DINOGuidance) -> str:
    state = {**encoder.encoder.state_dict(), 'mask_token': torch.ones(1, 16)}
    torch.save(state, path)
    return str(path)


def test_weights_from_a_file(tmp_path: Path) -> None:
    source = DINOGuidance(SMALL, (0, 1))
    path = save(tmp_path / 'dino.pth', source)
    weights = {'type': 'DINOPretrained', 'checkpoint': path}
    encoder = DINOGuidance(SMALL, (0, 1), init_cfg=weights)
    encoder.init_weights()
    image = 255 * torch.rand(1, 3, 32, 32)
    assert torch.equal(encoder(image)[-1], source(image)[-1])
    larger = {**SMALL, 'embed_dim': 24}
    with pytest.raises(ValueError, match='does not fit the encoder'):
        DINOGuidance(larger, (0, 1), init_cfg=weights).init_weights()


def test_weights_that_cannot_be_downloaded() -> None:
    name = 'vit_base_patch8_224.dino'
    weights = {'type': 'DINOPretrained', 'checkpoint': name}
    encoder = DINOGuidance(SMALL, (0, 1), init_cfg=weights)
    with pytest.raises(
        FileNotFoundError, match=r'dino_vitbase8_pretrain\.pth'
    ):
        encoder.init_weights()
