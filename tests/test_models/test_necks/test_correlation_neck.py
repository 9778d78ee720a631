# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Correlation and refinement as a whole."""

import pytest
import torch
import torch.nn.functional as F

from aeroseg.checkpoints.published_keys import convert_published
from aeroseg.models import CorrelationNeck
from aeroseg.models.necks.correlation_neck import correlate
from published.aggregator import PublishedAggregator


def make(**changes: object) -> CorrelationNeck:
    config = {
        'in_channels': 8,
        'guidance_channels': 6,
        'text_channels': 10,
        'embed_dims': 16,
        'guidance_dims': 8,
        'text_dims': 8,
        'num_heads': 2,
        'window_size': 4,
        **changes,
    }
    return CorrelationNeck(**config).eval()


def inputs(
    classes: int, batch: int = 1, grid: tuple[int, int] = (6, 6)
) -> tuple[torch.Tensor, ...]:
    return (
        torch.randn(batch, 4, 10, *grid),
        torch.randn(classes, 2, 10),
        torch.randn(batch, 6, *grid),
    )


@pytest.mark.parametrize('classes', [1, 2, 17, 300])
@pytest.mark.parametrize('batch', [1, 3])
@pytest.mark.parametrize('grid', [(6, 6), (3, 7)])
@torch.no_grad()
def test_shapes(classes: int, batch: int, grid: tuple[int, int]) -> None:
    refined = make()(*inputs(classes, batch, grid))
    assert refined.shape == (batch, classes, 16, *grid)


def test_equals_the_published_network_in_float64() -> None:
    oracle = PublishedAggregator(
        channels=8, embed_dim=10, dim=32, heads=4, grid=8, window=4
    ).double()
    state = {f'aggregator.{k}': v for k, v in oracle.state_dict().items()}
    neck = make(
        embed_dims=32,
        guidance_dims=32,
        text_dims=32,
        num_heads=4,
        guidance_channels=10,
    ).double()
    neck.load_state_dict(
        {
            k.removeprefix('neck.'): v
            for k, v in convert_published(state).items()
            if k.startswith('neck.')
        }
    )
    dense = torch.randn(2, 4, 10, 8, 8, dtype=torch.double)
    text = torch.randn(5, 2, 10, dtype=torch.double)
    text = torch.nn.functional.normalize(text, dim=-1)
    maps = correlate(dense, text).transpose(1, 2)
    x = oracle.embed(maps)
    expected = oracle.refine(x, text, dense[:, 0])[-1][1]
    for grad in (False, True):
        with torch.set_grad_enabled(grad):
            neck.class_chunk = 2
            actual = neck(dense, text, dense[:, 0])
        torch.testing.assert_close(
            actual.transpose(1, 2), expected, rtol=1e-9, atol=1e-9
        )


@torch.no_grad()
def test_permuting_the_classes_permutes_the_result() -> None:
    neck = make()
    dense, text, guidance = inputs(5)
    order = torch.randperm(5)
    torch.testing.assert_close(
        neck(dense, text[order], guidance),
        neck(dense, text, guidance)[:, order],
    )


@torch.no_grad()
def test_a_batch_is_its_images() -> None:
    neck = make()
    dense, text, guidance = inputs(3, batch=2)
    together = neck(dense, text, guidance)
    for index in range(2):
        alone = neck(dense[[index]], text, guidance[[index]])
        torch.testing.assert_close(together[[index]], alone)


def test_recomputing_changes_no_gradient() -> None:
    neck, gradients = make().train(), []
    arguments = inputs(3)
    for with_cp in (False, True):
        neck.with_cp = with_cp
        neck.zero_grad()
        neck(*arguments).square().sum().backward()
        gradients.append(neck.embed.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_other_prompts_than_trained_with_are_refused() -> None:
    dense, text, guidance = inputs(2)
    with pytest.raises(ValueError, match=r'4 rotations x 1 prompts.* 8 maps'):
        make()(dense, text[:, :1], guidance)


def test_every_parameter_is_used() -> None:
    neck = make().train()
    neck(*inputs(2)).sum().backward()
    assert all(p.grad is not None for p in neck.parameters())


def test_correlation_equals_the_definition() -> None:
    dense = torch.randn(2, 3, 5, 4, 6, dtype=torch.double)
    text = torch.randn(7, 2, 5, dtype=torch.double)
    maps = correlate(dense, text)
    assert maps.shape == (2, 7, 6, 4, 6)
    for r in range(3):
        for p in range(2):
            expected = F.cosine_similarity(
                dense[:, None, r],
                text[None, :, p, :, None, None],
                dim=2,
            )
            torch.testing.assert_close(maps[:, :, 2 * r + p], expected)


def test_scale_of_features_does_not_matter() -> None:
    dense, text = torch.randn(1, 1, 5, 2, 2), torch.randn(2, 1, 5)
    torch.testing.assert_close(
        correlate(9 * dense, 0.1 * text), correlate(dense, text)
    )
