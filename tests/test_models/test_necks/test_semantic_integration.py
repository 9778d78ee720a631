# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Filters of frequencies, and queries that look at CLIP."""

import pytest
import torch

from aeroseg.models.backbones import BlockFeatures
from aeroseg.models.necks import SemanticIntegration
from aeroseg.models.necks.semantic_integration import (
    FrequencyFilter,
    frequency_gain,
)


@pytest.fixture
def part() -> SemanticIntegration:
    torch.manual_seed(0)
    made = SemanticIntegration(
        6, 8, num_cross=3, num_layers=2, num_heads=2, hidden_dims=16
    )
    return made.eval()


def clip_features(batch: int = 2) -> BlockFeatures:
    maps = tuple(torch.randn(batch, 6, 4, 5) for _ in range(3))
    unit = torch.nn.functional.normalize(torch.randn(batch, 8), dim=-1)
    return BlockFeatures(maps, torch.randn(12, batch, 6), unit)


@pytest.mark.parametrize(
    ('sigma', 'gain'), [(9.0, 0.454), (7.0, 0.632), (3.0, 0.996)]
)
def test_gains_are_the_published_ones(sigma: float, gain: float) -> None:
    found = frequency_gain((14, 14), sigma)
    assert found[0, 0] == pytest.approx(gain, abs=5e-4)
    assert found[7, 7] == 0  # the highest frequency


@torch.no_grad()
def test_a_filter_that_learned_the_identity() -> None:
    made = FrequencyFilter(3)
    pick = torch.cat([torch.eye(6), -torch.eye(6)])[:6, :, None, None]
    # x = relu(x) - relu(-x), here with a shift that keeps all positive.
    shift = 1e3
    for conv, bias in ((made.mix[0], shift), (made.mix[2], -shift)):
        conv.weight.copy_(pick)
        conv.bias.fill_(bias)
    x = torch.randn(2, 3, 6, 6)
    sigma = 2.0
    spectrum = torch.fft.fft2(x) * frequency_gain((6, 6), sigma)
    expected = x + torch.fft.ifft2(spectrum).real
    assert torch.allclose(made(x, sigma), expected, atol=1e-3)
    made.centred = True
    flat = torch.ones(1, 3, 6, 6)  # only the lowest frequency: cut out
    assert torch.allclose(made(flat, sigma), flat, atol=1e-3)


@torch.no_grad()
def test_published_queries_do_not_see_each_other(
    part: SemanticIntegration,
) -> None:
    clip = clip_features()
    cells = part.look(clip)
    assert cells.shape == (2, 3 * 4 * 5, 8)
    queries = torch.randn(2, 7, 8)
    found = part(queries, cells, clip.embedding)
    assert torch.allclose(found.norm(dim=-1), torch.ones(2, 7), atol=1e-6)
    alone = part(queries[:, 2:3], cells, clip.embedding)
    assert torch.allclose(found[:, 2:3], alone, atol=1e-6)
    part.query_attention = True
    together = part(queries, cells, clip.embedding)
    alone = part(queries[:, 2:3], cells, clip.embedding)
    assert not torch.allclose(together[:, 2:3], alone, atol=1e-3)


def test_sizes_are_those_of_the_published_network() -> None:
    with torch.device('meta'):
        whole = SemanticIntegration(768, 512)
    millions = sum(p.numel() for p in whole.parameters()) / 1e6
    mixed = sum(p.numel() for p in whole.filter.parameters()) / 1e6
    # 27.2 M in all counts the projection of the queries, 0.8 M, as well.
    assert round(mixed, 2) == 4.72
    assert round(millions, 1) == 26.4


def test_everything_is_trained(part: SemanticIntegration) -> None:
    clip = clip_features()
    found = part.train()(torch.randn(2, 7, 8), part.look(clip), clip.embedding)
    (found * torch.randn_like(found)).sum().backward()
    assert all(p.grad is not None for p in part.parameters())
