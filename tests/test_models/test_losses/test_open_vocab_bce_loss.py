# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Binary cross-entropy over a vocabulary."""

import pytest
import torch
import torch.nn.functional as F

from aeroseg.models import OpenVocabBCELoss


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    logits = 3 * torch.randn(2, 4, 5, 6, dtype=torch.double)
    label = torch.randint(0, 4, (2, 5, 6))
    label[:, :2] = 255
    return logits.requires_grad_(), label


def one_hot(label: torch.Tensor) -> torch.Tensor:
    target = F.one_hot(label.where(label != 255, 4), 5)[..., :4]
    return target.permute(0, 3, 1, 2).double()


def test_equals_torch_with_ignored_as_negative(batch: tuple) -> None:
    logits, label = batch
    expected = F.binary_cross_entropy_with_logits(logits, one_hot(label))
    torch.testing.assert_close(OpenVocabBCELoss()(logits, label), expected)


def test_sum_over_classes_is_eq_12(batch: tuple) -> None:
    logits, label = batch
    mean = OpenVocabBCELoss(loss_weight=0.5)(logits, label)
    total = OpenVocabBCELoss(reduction='sum')(logits, label)
    torch.testing.assert_close(total, 4 * mean / 0.5)


def test_excluded_pixels_have_no_gradient_and_do_not_count(
    batch: tuple,
) -> None:
    logits, label = batch
    loss = OpenVocabBCELoss(ignored='excluded')(logits, label)
    loss.backward()
    assert torch.all(logits.grad[:, :, :2] == 0)
    assert torch.all(logits.grad[:, :, 2:] != 0)
    expected = F.binary_cross_entropy_with_logits(
        logits[:, :, 2:], one_hot(label)[:, :, 2:]
    )
    torch.testing.assert_close(loss, expected)


def test_ignored_as_negative_pushes_down(batch: tuple) -> None:
    logits, label = batch
    OpenVocabBCELoss()(logits, label).backward()
    assert torch.all(logits.grad[:, :, :2] > 0)


def test_nothing_labelled() -> None:
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    label = torch.full((1, 3, 3), 255)
    loss = OpenVocabBCELoss(ignored='excluded')(logits, label)
    loss.backward()
    assert loss == 0
    assert torch.all(logits.grad == 0)


def test_pixel_weights(batch: tuple) -> None:
    logits, label = batch
    weight = torch.rand(label.shape, dtype=torch.double)
    pixels = F.binary_cross_entropy_with_logits(
        logits, one_hot(label), reduction='none'
    ).mean(dim=1)
    loss = OpenVocabBCELoss()(logits, label, weight=weight)
    torch.testing.assert_close(loss, (pixels * weight).mean())


def test_an_unknown_id_is_named() -> None:
    label = torch.full((1, 2, 2), 7)
    with pytest.raises(ValueError, match=r'id 7, but there are 3 classes'):
        OpenVocabBCELoss()(torch.zeros(1, 3, 2, 2), label)


@pytest.mark.parametrize(
    'arguments', [{'ignored': 'no'}, {'reduction': 'max'}]
)
def test_bad_arguments(arguments: dict) -> None:
    with pytest.raises(ValueError, match='allowed are'):
        OpenVocabBCELoss(**arguments)
