# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The composed upsampling convolution against the plain one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from aeroseg.models.layers.upsample import GuidanceAttention, UpsampleStage


def plain(
    stage: UpsampleStage, x: Tensor, guidance: Tensor, *own: Tensor
) -> Tensor:
    """Transposed convolution, concatenation, two convolutions."""
    batch, classes = x.shape[:2]
    up = stage.up(x.flatten(0, 1))
    if stage.attention is not None:
        mean = up.unflatten(0, (batch, classes)).mean(dim=1)
        guidance = stage.attention(guidance, mean)
    guidance = guidance.repeat_interleave(classes, dim=0)
    own = [maps.flatten(0, 1) for maps in own]
    y = stage.conv1(torch.cat([up, guidance, *own], dim=1))
    y = F.relu(stage.norm1(y))
    y = F.relu(stage.norm2(stage.conv2(y)))
    return y.unflatten(0, (batch, classes))


@pytest.mark.parametrize('attention', [False, True])
@pytest.mark.parametrize('size', [(5, 7), (1, 1), (2, 1)])
def test_equals_the_plain_formulation(
    attention: bool, size: tuple[int, int]
) -> None:
    stage = UpsampleStage(24, 32, 8, attention).double()
    x = torch.randn(2, 3, 24, *size, dtype=torch.double, requires_grad=True)
    guidance = torch.randn(2, 8, 2 * size[0], 2 * size[1], dtype=torch.double)
    expected = plain(stage, x, guidance)
    actual = stage(x, stage.prepare(x.mean(dim=1), guidance))
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)
    weights = [p for p in stage.parameters() if p.requires_grad]
    cotangent = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(actual, [x, *weights], cotangent),
        torch.autograd.grad(expected, [x, *weights], cotangent),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize('grad', [True, False])
def test_guidance_of_each_class_is_concatenated(grad: bool) -> None:
    stage = UpsampleStage(24, 32, 8, False, class_guidance_channels=5)
    stage = stage.double()
    x = torch.randn(2, 3, 24, 4, 6, dtype=torch.double)
    guidance = torch.randn(2, 8, 8, 12, dtype=torch.double)
    own = torch.randn(2, 3, 5, 8, 12, dtype=torch.double)
    expected = plain(stage, x, guidance, own)
    with torch.set_grad_enabled(grad):
        actual = stage(x, stage.prepare(None, guidance), own)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def test_attention_is_the_sum_of_three_terms() -> None:
    attention = GuidanceAttention(4, 3).double()
    guidance = torch.randn(2, 3, 6, 6, dtype=torch.double)
    mean = torch.randn(2, 4, 6, 6, dtype=torch.double)
    channel = attention.channel(F.adaptive_avg_pool2d(mean, 1))
    space = attention.space(mean.mean(1, keepdim=True))
    torch.testing.assert_close(
        attention(guidance, mean), guidance * (channel + space + 1)
    )
