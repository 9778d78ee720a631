# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Attention with separate q, k and v weights."""

import pytest
import torch
from torch import nn

from aeroseg.models.layers.split_attention import (
    SplitAttention,
    set_trainable,
)


def make() -> tuple[nn.MultiheadAttention, SplitAttention]:
    fused = nn.MultiheadAttention(8, 2, batch_first=True).double()
    nn.init.normal_(fused.in_proj_bias)
    return fused, SplitAttention(fused)


def test_equals_torch() -> None:
    fused, split = make()
    x = torch.randn(3, 5, 8, dtype=torch.double)
    expected = fused(x, x, x, need_weights=False)[0]
    torch.testing.assert_close(split(x), expected)


def test_causal_equals_torch() -> None:
    fused, split = make()
    x = torch.randn(3, 5, 8, dtype=torch.double)
    mask = torch.full((5, 5), -torch.inf, dtype=torch.double).triu(1)
    expected = fused(x, x, x, need_weights=False, attn_mask=mask)[0]
    torch.testing.assert_close(split(x, is_causal=True), expected)


def test_value_path_is_attention_to_oneself() -> None:
    fused, split = make()
    x = torch.randn(3, 5, 8, dtype=torch.double)
    alone = x.flatten(0, 1)[:, None]
    expected = fused(alone, alone, alone, need_weights=False)[0]
    torch.testing.assert_close(split.value_path(x), expected.view(3, 5, 8))


def test_loads_fused_weights() -> None:
    fused, _ = make()
    _, split = make()
    split.load_state_dict(fused.state_dict())
    x = torch.randn(1, 4, 8, dtype=torch.double)
    expected = fused(x, x, x, need_weights=False)[0]
    torch.testing.assert_close(split(x), expected)


def test_a_frozen_key_is_not_even_decayed() -> None:
    _, split = make()
    set_trainable(split, 'qv')
    key, query = split.k_proj_weight.clone(), split.q_proj_weight.clone()
    optimiser = torch.optim.AdamW(
        [p for p in split.parameters() if p.requires_grad], weight_decay=0.5
    )
    split(torch.randn(2, 3, 8, dtype=torch.double)).sum().backward()
    optimiser.step()
    assert torch.equal(split.k_proj_weight, key)
    assert not torch.equal(split.q_proj_weight, query)


def test_what_can_be_trained() -> None:
    _, split = make()
    set_trainable(split, 'all')
    assert all(p.requires_grad for p in split.parameters())
    set_trainable(split, 'none')
    assert not any(p.requires_grad for p in split.parameters())
    with pytest.raises(ValueError, match="'qv', 'all' and 'none'"):
        set_trainable(split, 'some')
