# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Squared distance to fixed features."""

import pytest
import torch

from aeroseg.models import BackProjectionLoss


def test_the_target_gets_no_gradient() -> None:
    prediction = torch.randn(2, 3, requires_grad=True)
    target = torch.randn(2, 3, requires_grad=True)
    BackProjectionLoss()(prediction, target).backward()
    assert target.grad is None
    assert prediction.grad.abs().sum() > 0


def test_reductions_and_weight() -> None:
    a, b = torch.randn(2, 3), torch.randn(2, 3)
    total = BackProjectionLoss('sum', loss_weight=2)(a, b)
    torch.testing.assert_close(total, 2 * ((a - b) ** 2).sum())
    torch.testing.assert_close(BackProjectionLoss()(a, b), total / 12)


def test_unknown_reduction() -> None:
    with pytest.raises(ValueError, match="'mean' and 'sum'"):
        BackProjectionLoss('none')
