# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Back-projection to the features of the guide."""

import pytest
import torch

from aeroseg.models import AerOSegFeatures, BackProjectionHead, CLIPFeatures


def features(classes: int = 3) -> AerOSegFeatures:
    return AerOSegFeatures(
        refined=torch.randn(2, classes, 4, 3, 5, requires_grad=True),
        guidance=(
            torch.empty(0),
            torch.empty(0),
            torch.randn(2, 6, 3, 5, requires_grad=True),
        ),
        clip=CLIPFeatures(torch.randn(2, 4, 7, 3, 5), (), upright=1),
        image=255 * torch.rand(2, 3, 48, 80),
    )


def make(target: str = 'guidance', channels: int = 6) -> BackProjectionHead:
    return BackProjectionHead(3, 4, channels, 16, target)


def test_classes_of_a_cell_are_concatenated() -> None:
    head, given = make(), features()
    cell = torch.cat([given.refined[1, n, :, 2, 4] for n in range(3)])
    torch.testing.assert_close(head(given)[1, 2, 4], head.layers(cell))


def test_loss_is_the_squared_distance_to_f3_without_gradient() -> None:
    head, given = make(), features()
    losses = head.loss(given, [])
    assert list(losses) == ['loss_sem']
    target = given.guidance[-1].permute(0, 2, 3, 1)
    expected = (head(given) - target).square().mean()
    torch.testing.assert_close(losses['loss_sem'], expected)
    losses['loss_sem'].backward()
    assert given.guidance[-1].grad is None
    assert given.refined.grad.abs().sum() > 0


def test_other_targets() -> None:
    given = features()
    target = make('clip', 7)._find_target(given)
    assert torch.equal(target, given.clip.dense[:, 1])
    target = make('rgb', 3)._find_target(given)
    expected = given.image[0, 1, 16:32, 32:48].mean() / 255
    torch.testing.assert_close(target[0, 1, 1, 2], expected)
    with pytest.raises(ValueError, match='guidance'):
        make('depth')


def test_other_classes_than_trained_with_are_refused() -> None:
    with pytest.raises(ValueError, match='3 training classes and got 5'):
        make()(features(5))
