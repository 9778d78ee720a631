# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tests of models/guidance/sam_attention.py.

The plain formulation, which pads and builds every weight, is
segment_anything's own forward pass.
"""

from typing import Any

import pytest
import torch
from segment_anything.modeling.image_encoder import Attention, Block
from torch import nn

from aeroseg.models.guidance import sam_attention
from aeroseg.models.guidance.sam_attention import (
    attention_forward,
    block_forward,
)


def randomise(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return module


def make_block(window: int, **kwargs: Any) -> Block:
    settings = {'use_rel_pos': True, 'input_size': (5, 5), **kwargs}
    block = Block(12, num_heads=3, window_size=window, **settings)
    return randomise(block.double())


@pytest.mark.parametrize('window', [0, 1, 3, 4, 7])
@pytest.mark.parametrize('grid', [(1, 1), (6, 6), (7, 4), (5, 9), (2, 6)])
def test_equals_segment_anything(window: int, grid: tuple[int, int]) -> None:
    block = make_block(window)
    x = torch.randn(2, *grid, 12, dtype=torch.double)
    torch.testing.assert_close(
        block_forward(block, x), block(x), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize('window', [0, 4])
@pytest.mark.parametrize('grid', [(6, 7), (8, 4)])
def test_both_forms_of_the_bias_agree(
    window: int, grid: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, half precision takes the product form; here, doubles do."""
    monkeypatch.setattr(sam_attention, 'by_product', lambda q: True)
    block = make_block(window)
    x = torch.randn(2, *grid, 12, dtype=torch.double)
    torch.testing.assert_close(
        block_forward(block, x), block(x), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('rel_pos', [True, False])
def test_equals_without_bias_or_positions(bias: bool, rel_pos: bool) -> None:
    block = make_block(4, qkv_bias=bias, use_rel_pos=rel_pos)
    x = torch.randn(1, 6, 7, 12, dtype=torch.double)
    torch.testing.assert_close(
        block_forward(block, x), block(x), rtol=0, atol=1e-12
    )


def test_gradients_equal_segment_anything() -> None:
    block = make_block(4)
    gradients = []
    x = torch.randn(2, 6, 5, 12, dtype=torch.double)
    weight = torch.randn_like(x)
    for forward in (block, lambda x: block_forward(block, x)):
        block.zero_grad()
        inputs = x.clone().requires_grad_()
        (forward(inputs) * weight).sum().backward()
        gradients.append(
            [inputs.grad, *(p.grad.clone() for p in block.parameters())]
        )
    for plain, fast in zip(*gradients, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-11)


def test_large_terms_do_not_overflow() -> None:
    block = make_block(4).float()
    for table in (block.attn.rel_pos_h, block.attn.rel_pos_w):
        nn.init.normal_(table, std=30.0)
    x = torch.randn(1, 6, 6, 12)
    plain, fast = block(x), block_forward(block, x)
    assert fast.isfinite().all()
    torch.testing.assert_close(fast, plain, rtol=1e-3, atol=1e-3)


def test_one_padded_cell_outweighs_the_real_ones() -> None:
    """The padding takes part: without it, the output would be another."""
    attn = randomise(
        Attention(4, num_heads=1, use_rel_pos=True, input_size=(3, 3))
    )
    x = torch.randn(1, 2, 2, 4)
    padded = attention_forward(attn, x, window=3)
    alone = attention_forward(attn, x, window=2)
    assert (padded - alone).abs().max() > 1e-2


def test_bfloat16_autocast_is_close() -> None:
    block = make_block(4).float()
    x = torch.randn(1, 6, 6, 12)
    with torch.autocast('cpu', torch.bfloat16), torch.no_grad():
        fast = block_forward(block, x)
    exact = block(x)
    assert (fast - exact).norm() / exact.norm() < 2e-2
