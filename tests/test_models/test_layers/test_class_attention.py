# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Class refinement against the published formulation."""

import pytest
import torch

from aeroseg.checkpoints.published_keys import convert_published
from aeroseg.models.layers.class_attention import ClassRefinement
from published.aggregator import PublishedAggregator


def pair(
    pooling: int, pad_len: int
) -> tuple[torch.nn.Module, ClassRefinement]:
    oracle = PublishedAggregator(
        channels=2,
        embed_dim=10,
        dim=32,
        heads=4,
        grid=6,
        window=6,
        pooling=pooling,
        pad_len=pad_len,
    ).double()
    block = oracle.layers[0].attention
    for name, parameter in block.named_parameters():
        if 'padding' in name:
            torch.nn.init.normal_(parameter)
    state = {f'aggregator.{k}': v for k, v in oracle.state_dict().items()}
    prefix = 'neck.layers.0.classes.'
    ours = ClassRefinement(32, 32, 4, pooling, pooling, pad_len).double()
    ours.load_state_dict(
        {
            k.removeprefix(prefix): v
            for k, v in convert_published(state).items()
            if k.startswith(prefix)
        }
    )
    return block, ours


@pytest.mark.parametrize('pooling', [1, 2])
@pytest.mark.parametrize(
    ('classes', 'pad_len'), [(3, 16), (1, 256), (16, 16), (5, 0)]
)
@pytest.mark.parametrize('chunk', [0, 2])
def test_equals_the_published_block(
    pooling: int, classes: int, pad_len: int, chunk: int
) -> None:
    oracle, ours = pair(pooling, pad_len)
    x = torch.randn(2, 32, classes, 6, 6, dtype=torch.double)
    text = torch.randn(classes, 32, dtype=torch.double)
    expected = oracle(x, text.expand(2, -1, -1))
    with torch.no_grad():
        actual = ours(x.permute(0, 2, 3, 4, 1).clone(), text, chunk)
    torch.testing.assert_close(
        actual.permute(0, 4, 1, 2, 3), expected, rtol=1e-9, atol=1e-9
    )


def test_gradients_equal_the_published_ones() -> None:
    oracle, ours = pair(pooling=2, pad_len=16)
    x = torch.randn(1, 32, 3, 6, 6, dtype=torch.double)
    text = torch.randn(3, 32, dtype=torch.double)
    oracle(x, text[None]).square().sum().backward()
    ours(x.permute(0, 2, 3, 4, 1), text).square().sum().backward()
    expected = oracle.padding_tokens.grad.flatten()
    torch.testing.assert_close(ours.padding_token.grad, expected)
    torch.testing.assert_close(
        ours.attn.k.weight.grad, oracle.attention.k.weight.grad
    )


def test_more_classes_than_slots_are_all_used() -> None:
    ours = ClassRefinement(16, 8, 2, 1, 1, num_slots=4)
    x, text = torch.randn(1, 6, 2, 2, 16), torch.randn(6, 8)
    without = ClassRefinement(16, 8, 2, 1, 1, num_slots=0)
    without.load_state_dict(ours.state_dict(), strict=False)
    torch.testing.assert_close(ours(x, text), without(x, text))


def test_pooling_follows_the_mode() -> None:
    ours = ClassRefinement(16, 8, 2, pool_train=2, pool_test=1, num_slots=0)
    x, text = torch.randn(1, 2, 5, 3, 16), torch.randn(2, 8)
    assert ours.train()(x, text).shape == x.shape
    difference = ours.train()(x, text) - ours.eval()(x, text)
    assert difference.abs().max() > 1e-4


@pytest.mark.parametrize('pooling', [1, 2])
@pytest.mark.parametrize('chunk', [0, 2])
def test_without_guidance_it_is_guidance_without_weight(
    pooling: int, chunk: int
) -> None:
    ours = ClassRefinement(16, 0, 2, pooling, pooling, num_slots=0)
    guided = ClassRefinement(16, 3, 2, pooling, pooling, num_slots=0)
    state = ours.state_dict()
    for name in ('attn.q.weight', 'attn.k.weight'):
        state[name] = torch.nn.functional.pad(state[name], (0, 3))
    guided.load_state_dict(state)
    x = torch.randn(2, 5, 5, 4, 16)
    with torch.no_grad():
        expected = guided(x.clone(), torch.randn(5, 3), chunk)
        actual = ours(x.clone(), torch.empty(5, 0), chunk)
    torch.testing.assert_close(actual, expected)
