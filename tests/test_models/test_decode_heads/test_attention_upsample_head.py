# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The decoder as a whole."""

import pytest
import torch

from aeroseg.checkpoints.published_keys import convert_published
from aeroseg.models import AerOSegFeatures, AttentionUpsampleHead, CLIPFeatures
from published.aggregator import PublishedAggregator


def features(
    classes: int = 3, batch: int = 1, grid: tuple[int, int] = (4, 5)
) -> AerOSegFeatures:
    guidance = tuple(torch.randn(batch, c, *grid) for c in (6, 7, 8))
    return AerOSegFeatures(
        refined=torch.randn(batch, classes, 32, *grid),
        guidance=guidance,
        clip=CLIPFeatures(torch.empty(0), ()),
        image=torch.empty(0),
    )


def make(**changes: object) -> AttentionUpsampleHead:
    config = {
        'in_channels': 32,
        'guidance_channels': (6, 7, 8),
        'guidance_dims': (8, 8),
        'stage_channels': (32, 16),
        **changes,
    }
    return AttentionUpsampleHead(**config).eval()


@pytest.mark.parametrize('classes', [1, 2, 17, 300])
@pytest.mark.parametrize('batch', [1, 3])
@torch.no_grad()
def test_shapes(classes: int, batch: int) -> None:
    logits = make()(features(classes, batch))
    assert logits.shape == (batch, classes, 16, 20)


@pytest.mark.parametrize('attention', [False, True])
@pytest.mark.parametrize('chunk', [1, 32])
@torch.no_grad()
def test_equals_the_published_decoder_in_float64(
    attention: bool, chunk: int
) -> None:
    oracle = PublishedAggregator(
        dim=32,
        decoder_dims=(32, 16),
        guidance_in=(6, 7),
        guidance_out=(16, 8),
        attention=attention,
    ).double()
    state = {f'aggregator.{k}': v for k, v in oracle.state_dict().items()}
    head = make(
        guidance_dims=(16, 8),
        guidance_index=(0, 1),
        attention=attention,
        class_chunk=chunk,
    ).double()
    prefix = 'decode_head.'
    head.load_state_dict(
        {
            k.removeprefix(prefix): v
            for k, v in convert_published(state).items()
            if k.startswith(prefix)
        }
    )
    x = torch.randn(2, 32, 7, 5, 5, dtype=torch.double)
    maps = (
        torch.randn(2, 6, 10, 10, dtype=torch.double),
        torch.randn(2, 7, 20, 20, dtype=torch.double),
    )
    expected = oracle.decode(x, maps)
    projected = [
        project.conv(m).relu()
        for project, m in zip(head.guidance_proj, maps, strict=True)
    ]
    actual = head.decode(x.transpose(1, 2), projected)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def test_the_deeper_map_guides_the_first_stage_by_default() -> None:
    head = make()
    assert [p.conv.in_channels for p in head.guidance_proj] == [7, 6]
    assert [p.scale for p in head.guidance_proj] == [2, 4]


@torch.no_grad()
def test_permuting_the_classes_permutes_the_logits() -> None:
    head, given = make(), features(5)
    order = torch.randperm(5)
    permuted = given._replace(refined=given.refined[:, order])
    torch.testing.assert_close(
        head(permuted), head(given)[:, order], rtol=1e-4, atol=1e-5
    )


def test_every_parameter_is_used() -> None:
    head = make().train()
    head(features()).sum().backward()
    assert all(p.grad is not None for p in head.parameters())
