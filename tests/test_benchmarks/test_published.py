# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The oracle of the tests computes what the published networks computed."""

from pathlib import Path

import pytest
import torch

from published.clip import PublishedCLIP
from published.networks import (
    Golden,
    PublishedNetwork,
    correlate,
    turned_back,
)

FILES = ('catseg_b1_t9_shift', 'catseg_b2_t5', 'ovrs_b2_t5_p4')


@pytest.fixture(params=FILES)
def golden(shared_dir: Path, request: pytest.FixtureRequest) -> Golden:
    path = shared_dir / 'golden' / f'{request.param}.safetensors'
    if not path.is_file():
        pytest.skip('no golden tensors next to the checkout')
    return Golden(path)


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-4)


@torch.no_grad()
def test_clip(golden: Golden) -> None:
    clip = golden.clip()
    for turn in range(golden.rotations):
        image = golden['in.image'].rot90(turn, (2, 3))
        features, maps = clip.visual(image)
        close(features, golden[f'out.dense_rot{turn}'])
        if turn == 0:
            close(maps[0], golden['in.clip_block0'])
            close(maps[1], golden['in.clip_block1'])
            close(turned_back(features, 0), golden['in.guidance_res3'])
    text = clip.encode_text(golden['in.tokens'])
    close(
        text.unflatten(0, (-1, golden.integer('prompts'))),
        golden['in.text_features'],
    )


@torch.no_grad()
def test_aggregator_stage_by_stage(golden: Golden) -> None:
    dense = [
        turned_back(golden[f'out.dense_rot{turn}'], turn)
        for turn in range(golden.rotations)
    ]
    text = golden['in.text_features']
    close(correlate(dense, text), golden['out.correlation'])
    aggregator = golden.aggregator()
    close(
        aggregator.embed(golden['out.correlation']), golden['out.corr_embed']
    )
    guidance = [golden[f'in.guidance_res{k}'] for k in (3, 4, 5)]
    stages = aggregator.refine(golden['out.corr_embed'], text, guidance[0])
    close(stages[0][0], golden['out.layer0_spatial'])
    close(stages[0][1], golden['out.layer0_class'])
    logits = aggregator(golden['out.correlation'], text, guidance)
    close(logits, golden['out.logits'])


@pytest.mark.parametrize('rotations', [1, 4])
def test_network_runs_whole(rotations: int) -> None:
    clip = PublishedCLIP(
        embed_dim=32, width=64, layers=9, text_width=64, text_layers=1
    )
    network = PublishedNetwork(rotations, prompts=2, clip=clip, grid=4).eval()
    tokens = torch.randint(1, 49000, (6, 77))
    text = network.encode_text(tokens, prompts=2)
    with torch.no_grad():
        logits = network(torch.randn(2, 3, 64, 64), text)
    assert logits.shape == (2, 3, 16, 16)


def test_published_sizes() -> None:
    """Parameters counted in the published code."""
    with torch.device('meta'):
        ovrs, catseg = PublishedNetwork(4), PublishedNetwork(1)
    aggregators = [
        sum(p.numel() for p in network.aggregator.parameters())
        for network in (ovrs, catseg)
    ]
    assert [round(n / 1e6, 3) for n in aggregators] == [2.332, 2.309]
    total = sum(p.numel() for p in ovrs.parameters())
    assert round(total / 1e6, 2) == 154.31
