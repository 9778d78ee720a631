# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Dense CLIP from several rotations."""

from collections.abc import Callable

import open_clip
import pytest
import torch
from open_clip.model import _build_vision_tower

from aeroseg.models import RotatedCLIP
from aeroseg.models.backbones import rotated_clip

CLIP = {
    'embed_dim': 16,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 8,
        'width': 32,
        'layers': 3,
        'head_width': 16,
    },
}


def make(**changes: object) -> RotatedCLIP:
    config = {'model': CLIP, 'stride': 8, **changes}
    return RotatedCLIP(**config).eval()


@torch.no_grad()
def test_turning_the_image_turns_the_rotation_axis() -> None:
    backbone = make(out_indices=(0, 1))
    image = 255 * torch.rand(2, 3, 40, 40)
    dense = backbone(image).dense
    turned = backbone(image.rot90(1, (2, 3))).dense
    expected = dense.roll(-1, dims=1).rot90(1, (3, 4))
    torch.testing.assert_close(turned, expected)
    assert (turned - dense.rot90(1, (3, 4))).abs().max() > 1e-3


@torch.no_grad()
def test_views_of_a_non_square_image() -> None:
    backbone = make(out_indices=(0,))
    image = 255 * torch.rand(1, 3, 24, 56)
    features = backbone(image)
    assert features.dense.shape == (1, 4, 16, 3, 7)
    assert features.intermediate[0].shape == (1, 32, 3, 7)
    for index in range(4):
        alone = make(rotations=(90 * index,))
        alone.load_state_dict(backbone.state_dict())
        torch.testing.assert_close(
            alone(image).dense[:, 0], features.dense[:, index]
        )


@torch.no_grad()
def test_a_batch_is_its_images() -> None:
    backbone = make()
    images = 255 * torch.rand(3, 3, 32, 32)
    together = backbone(images).dense
    for image, dense in zip(images, together, strict=True):
        torch.testing.assert_close(backbone(image[None]).dense[0], dense)


@torch.no_grad()
def test_equals_open_clip_where_that_is_defined() -> None:
    """Up to the last block, at the native size."""
    tower = _build_vision_tower(16, CLIP['vision_cfg']).eval()
    backbone = make(rotations=(0,), out_indices=(0, 1))
    backbone.visual.load_state_dict(tower.state_dict())
    image = 255 * torch.rand(2, 3, 32, 32)
    maps = backbone(image).intermediate
    expected = tower.forward_intermediates(
        (image - backbone.mean) / backbone.std,
        indices=[0, 1],
        stop_early=True,
    )['image_intermediates']
    for actual, wanted in zip(maps, expected, strict=True):
        torch.testing.assert_close(actual, wanted)


@torch.no_grad()
def test_pixels_are_normalised_as_open_clip_does() -> None:
    backbone = make()
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8)
    transform = open_clip.image_transform(32, is_train=False)
    normalise = transform.transforms[-1]
    expected = normalise(image.float() / 255)
    actual = (image.float() - backbone.mean) / backbone.std
    torch.testing.assert_close(actual, expected)


def test_only_q_and_v_are_trained_and_all_of_them_are_used() -> None:
    backbone = make(out_indices=(1,)).train()
    features = backbone(255 * torch.rand(1, 3, 32, 32))
    (features.dense.sum() + features.intermediate[0].sum()).backward()
    trained = {n: p for n, p in backbone.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * 3 - 1  # the last block has no query
    assert all(n.endswith(('q_proj_weight', 'v_proj_weight')) for n in trained)
    assert all(p.grad is not None for p in trained.values())


def test_all_used_parameters_can_be_trained() -> None:
    backbone = make(trainable='all')
    backbone(255 * torch.rand(1, 3, 32, 32)).dense.sum().backward()
    unused = [
        n
        for n, p in backbone.named_parameters()
        if p.requires_grad and p.grad is None
    ]
    assert not unused


@pytest.mark.parametrize('some', [True, 1])
def test_recomputing_changes_no_gradient(some: bool | int) -> None:
    image = 255 * torch.rand(1, 3, 32, 32)
    gradients = []
    backbone = make().train()
    for with_cp in (False, some):
        backbone.with_cp = with_cp
        backbone.zero_grad()
        backbone(image).dense.square().sum().backward()
        weight = backbone.visual.transformer.resblocks[0].attn.q_proj_weight
        gradients.append(weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_as_many_blocks_as_asked_are_recomputed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = 255 * torch.rand(1, 3, 32, 32)
    backbone = make().train()
    depth = len(backbone.visual.transformer.resblocks)
    calls: list[object] = []

    def count(
        function: Callable[..., object], *args: object, **_: object
    ) -> object:
        calls.append(function)
        return function(*args)

    monkeypatch.setattr(rotated_clip, 'checkpoint', count)
    for with_cp, number in ((False, 0), (1, 1), (2, 2), (True, depth - 1)):
        calls.clear()
        backbone.with_cp = with_cp
        backbone(image)
        assert len(calls) == number


@torch.no_grad()
def test_other_patch_sizes_share_the_grid() -> None:
    backbone = make(stride=16)
    assert backbone(255 * torch.rand(1, 3, 64, 96)).dense.shape[-2:] == (4, 6)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'rotations': (0, 45)}, 'multiples of 90'),
        ({'rotations': ()}, 'multiples of 90'),
        ({'rotations': (0, 360)}, 'different multiples'),
        ({'rotations': (90,), 'out_indices': (0,)}, '0-degree'),
        ({'out_indices': (2,)}, 'allowed are blocks 0 to 1'),
        ({'residual': 'none'}, "'class', 'token'"),
        ({'trainable': 'q'}, "'qv', 'all' and 'none'"),
        ({'model': 'ViT-Q'}, 'knows no model'),
        ({'model': 'RN50'}, 'plain ViTs'),
    ],
)
def test_bad_arguments(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_a_size_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r'30 x 32 px.*size_divisor=8'):
        make()(torch.rand(1, 3, 30, 32))
