# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/sam.py."""

from functools import partial
from typing import Any

import pytest
import torch
from mmseg.registry import MODELS
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn

from aeroseg.models.guidance import SAMGuidance

SMALL = {
    'embed_dim': 24,
    'depth': 4,
    'num_heads': 2,
    'img_size': 96,
    'out_chans': 10,
    'window_size': 4,
    'global_attn_indexes': (1, 3),
}


def make(arch: dict | str = SMALL, **kwargs: Any) -> SAMGuidance:
    encoder = SAMGuidance(arch, **kwargs)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.2)
    return encoder.double()


def plain_features(encoder: SAMGuidance, image: Tensor) -> list[Tensor]:
    """Blocks and neck as segment_anything computes them, all of them."""
    sam = encoder.encoder
    x = sam.patch_embed((image - encoder.mean) / encoder.std)
    x = x + encoder.position(*x.shape[1:3])
    outputs = []
    for block in sam.blocks:
        x = block(x)
        outputs.append(x.permute(0, 3, 1, 2))
    return [*outputs, sam.neck(outputs[-1])]


def test_native_size_equals_segment_anything() -> None:
    """Same weights, native size: the official module's own forward."""
    encoder = make(last='neck')
    image = torch.rand(2, 3, 96, 96, dtype=torch.double) * 255
    expected = encoder.encoder((image - encoder.mean) / encoder.std)
    torch.testing.assert_close(encoder(image)[2], expected)


@pytest.mark.parametrize('last', ['block', 'neck'])
@pytest.mark.parametrize('size', [(96, 96), (64, 128), (16, 16), (160, 48)])
def test_features_of_any_size(last: str, size: tuple[int, int]) -> None:
    encoder = make(last=last, out_blocks=(1, 3, 4))
    image = torch.rand(2, 3, *size, dtype=torch.double) * 255
    blocks = plain_features(encoder, image)
    features = encoder(image)
    expected = (blocks[0], blocks[2], blocks[4 if last == 'neck' else 3])
    for feature, want, channels in zip(
        features, expected, encoder.out_channels, strict=True
    ):
        assert feature.shape == (2, channels, size[0] // 16, size[1] // 16)
        torch.testing.assert_close(feature, want)


def test_batch_of_two_equals_two_batches() -> None:
    encoder = make()
    image = torch.rand(2, 3, 80, 96, dtype=torch.double) * 255
    both = encoder(image)
    for index in range(2):
        single = encoder(image[index : index + 1])
        for a, b in zip(both, single, strict=True):
            torch.testing.assert_close(a[index : index + 1], b)


def test_frozen_never_changes() -> None:
    encoder = make(frozen=True)
    encoder.train()
    assert not encoder.encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())
    image = torch.rand(1, 3, 32, 32, dtype=torch.double)
    assert not any(x.requires_grad for x in encoder(image))


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('last', ['block', 'neck'])
def test_fine_tuning_reaches_every_parameter(last: str, with_cp: bool) -> None:
    encoder = make(
        frozen=False, last=last, out_blocks=(1, 2, 4), with_cp=with_cp
    )
    encoder.train()
    image = torch.rand(1, 3, 64, 64, dtype=torch.double) * 255
    sum(x.square().sum() for x in encoder(image)).backward()
    unused = [n for n, p in encoder.named_parameters() if p.grad is None]
    assert unused == []


def test_checkpointing_keeps_the_gradients() -> None:
    image = torch.rand(1, 3, 64, 64, dtype=torch.double) * 255
    encoder = make(frozen=False)
    gradients = []
    for with_cp in (False, True):
        encoder.with_cp = with_cp
        encoder.zero_grad()
        encoder(image)[2].square().sum().backward()
        gradients.append([p.grad.clone() for p in encoder.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_low_precision_equals_autocast() -> None:
    plain = make().float()
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.autocast('cpu', torch.bfloat16):
        expected = plain(image)
    low = SAMGuidance(SMALL, dtype='bfloat16')
    low.load_state_dict(plain.state_dict())
    assert low.encoder.blocks[0].attn.qkv.weight.dtype is torch.bfloat16
    assert low.encoder.pos_embed.dtype is torch.float32
    for a, b in zip(low(image), expected, strict=True):
        assert torch.equal(a, b)
    exact = plain(image)
    for a, b in zip(expected, exact, strict=True):
        assert (a - b).norm() < 2e-2 * b.norm()


def test_leaves_out_what_no_output_needs() -> None:
    encoder = make(out_blocks=(1, 1, 2))
    assert len(encoder.encoder.blocks) == 2
    assert not list(encoder.encoder.neck.parameters())
    image = torch.rand(1, 3, 32, 32, dtype=torch.double)
    first, second, third = encoder(image)
    assert torch.equal(first, second)
    assert not torch.equal(second, third)


def test_position_embedding_cropped_or_resized() -> None:
    encoder = make()
    stored = encoder.encoder.pos_embed
    assert torch.equal(encoder.position(6, 6), stored)
    assert encoder.position(9, 3).shape == (1, 9, 3, 24)
    nn.init.constant_(stored, 0.7)
    torch.testing.assert_close(
        encoder.position(9, 3), stored.new_full((1, 9, 3, 24), 0.7)
    )
    encoder = make(pos_embed='crop')
    stored = encoder.encoder.pos_embed
    assert torch.equal(encoder.position(4, 5), stored[:, :4, :5])
    with pytest.raises(ValueError, match='7 x 2 cells cannot be cropped'):
        encoder.position(7, 2)


def test_patch_and_stride_may_differ() -> None:
    encoder = make({**SMALL, 'patch_size': 8, 'img_size': 48}, stride=14)
    features = encoder(torch.rand(1, 3, 84, 56, dtype=torch.double))
    assert [x.shape for x in features] == [(1, 24, 6, 4)] * 3


@pytest.mark.parametrize(
    ('arch', 'blocks', 'width'),
    [
        ('vit_b', (4, 8, 12), 768),
        ('vit_l', (8, 16, 24), 1024),
        ('vit_h', (11, 21, 32), 1280),
    ],
)
def test_official_sizes(
    arch: str, blocks: tuple[int, int, int], width: int
) -> None:
    with torch.device('meta'):
        encoder = MODELS.build(
            {'type': 'SAMGuidance', 'arch': arch, 'last': 'neck'}
        )
    assert encoder.out_blocks == blocks
    assert encoder.out_channels == (width, width, 256)


def test_large_has_the_official_parameters() -> None:
    with torch.device('meta'):
        encoder = SAMGuidance('vit_l', last='neck')
        official = ImageEncoderViT(
            embed_dim=1024,
            depth=24,
            num_heads=16,
            use_rel_pos=True,
            window_size=14,
            global_attn_indexes=(5, 11, 17, 23),
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )
    own = {n: p.shape for n, p in encoder.encoder.state_dict().items()}
    assert own == {n: p.shape for n, p in official.state_dict().items()}
    assert sum(p.numel() for p in encoder.parameters()) == 308_278_272


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'arch': 'vit_x'}, "'vit_b', 'vit_l', 'vit_h'"),
        ({'arch': {'depth': 2}}, r"lacks \['embed_dim', 'num_heads'\]"),
        ({'dtype': 'int8'}, "dtype is 'bfloat16' or 'float16'"),
        ({'dtype': 'bfloat16', 'frozen': False}, 'for a frozen encoder'),
        ({'last': 'final'}, "last is 'block' or 'neck'"),
        ({'pos_embed': 'linear'}, "pos_embed is 'bicubic' or 'crop'"),
        ({'out_blocks': (3, 2, 4)}, 'shallow to deep'),
        ({'out_blocks': (0, 2, 4)}, 'from 1 to the depth, 4'),
        ({'out_blocks': (1, 2, 5)}, 'from 1 to the depth, 4'),
        ({'out_blocks': (1, 2, 3), 'last': 'neck'}, 'needs the last block'),
    ],
)
def test_refuses_wrong_settings(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SAMGuidance(**{'arch': SMALL, **kwargs})
