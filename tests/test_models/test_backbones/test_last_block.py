# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import pytest
import torch
from torch import Tensor, nn

from aeroseg.models.backbones.last_block import (
    ATTENTIONS,
    proxy_attention,
    proxy_weights,
    self_self_attention,
)
from aeroseg.models.layers.split_attention import SplitAttention


@pytest.fixture
def attention() -> SplitAttention:
    return SplitAttention(nn.MultiheadAttention(12, 3)).double()


def by_hand(attention: SplitAttention, x: Tensor, method: str) -> Tensor:
    """Softmax of scaled products, head by head, image by image."""
    bias = dict(zip('qkv', attention.in_proj_bias.chunk(3), strict=True))
    out = []
    for tokens in x:
        heads = []
        for head in range(3):
            part = slice(4 * head, 4 * head + 4)
            named = {
                name: tokens
                @ getattr(attention, f'{name}_proj_weight')[part].T
                + bias[name][part]
                for name in 'qkv'
            }
            weights = torch.zeros(len(tokens), len(tokens)).double()
            for a, b in ATTENTIONS[method]:
                scores = named[a] @ named[b].T / 2
                weights += scores.softmax(dim=1)
            if not ATTENTIONS[method]:
                weights = torch.eye(len(tokens)).double()
            heads.append(weights @ named['v'])
        out.append(torch.cat(heads, dim=1))
    return attention.out_proj(torch.stack(out))


@pytest.mark.parametrize('method', ATTENTIONS)
def test_equals_the_formula(attention: SplitAttention, method: str) -> None:
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    found = self_self_attention(attention, x, ATTENTIONS[method])
    torch.testing.assert_close(found, by_hand(attention, x, method))


def test_the_plain_attention_is_clip_s_own(attention: SplitAttention) -> None:
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    found = self_self_attention(attention, x, ATTENTIONS['vanilla'])
    torch.testing.assert_close(found, attention(x))


def test_proxy_weights_equal_the_formula() -> None:
    proxy = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    found = proxy_weights(proxy, 0.8, 5.0)
    for image, weights in zip(proxy, found, strict=True):
        cells = image.flatten(1).T
        cosine = torch.cosine_similarity(cells[:, None], cells[None], dim=2)
        scores = (cosine - 0.8 * cosine.mean()) * 5
        scores[scores < 0] = -torch.inf
        torch.testing.assert_close(weights, scores.softmax(dim=1))


def test_an_image_of_one_colour_gives_no_nan(
    attention: SplitAttention,
) -> None:
    """A mean of 1 leaves no pair; each cell then keeps its own value."""
    weights = proxy_weights(torch.ones(1, 5, 2, 3, dtype=torch.float64))
    assert torch.equal(weights[0], torch.eye(6, dtype=torch.float64))
    x = torch.randn(1, 6, 12, dtype=torch.float64)
    found = proxy_attention(attention, x, (2, 3), weights, (2, 3))
    torch.testing.assert_close(found, attention.value_path(x))
