# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Both forms of attention against PyTorch's."""

import pytest
import torch
import torch.nn.functional as F

from aeroseg.models.layers import attention as module
from aeroseg.models.layers.attention import attend, by_product


def inputs(dtype: torch.dtype) -> list[torch.Tensor]:
    return [torch.randn(3, 2, 5, 4, dtype=dtype) for _ in range(3)]


@pytest.mark.parametrize('is_causal', [True, False])
@pytest.mark.parametrize('product', [True, False])
def test_equals_torch(
    is_causal: bool, product: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, 'by_product', lambda q: product)
    q, k, v = inputs(torch.double)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
    torch.testing.assert_close(
        attend(q, k, v, is_causal), expected, rtol=0, atol=1e-12
    )


def test_where_the_product_is_taken() -> None:
    half, single = inputs(torch.bfloat16)[0], inputs(torch.float32)[0]
    assert by_product(half)
    assert not by_product(single)
    half.requires_grad_()
    assert not by_product(half)
    with torch.no_grad():
        assert by_product(half)


def test_half_precision_is_near() -> None:
    q, k, v = inputs(torch.float32)
    exact = F.scaled_dot_product_attention(q, k, v)
    half = attend(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert half.dtype is torch.bfloat16
    assert (half - exact).norm() < 0.02 * exact.norm()
