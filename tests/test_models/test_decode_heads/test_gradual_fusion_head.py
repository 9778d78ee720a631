# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The decoder of SED; its equality is in tests/test_golden_sed.py."""

from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from aeroseg.models import GradualFusionHead, SEDFeatures


def build(**changes: Any) -> GradualFusionHead:
    config = {
        'in_channels': 3,
        'guidance_channels': (12, 8, 4),
        'embed_dims': 32,
        'stage_channels': (32, 16, 16),
        'guidance_dims': (8, 8, 4),
        'num_heads': 2,
    }
    return GradualFusionHead(**{**config, **changes}).eval()


def features(
    classes: int, batch: int = 1, grid: tuple[int, int] = (3, 2)
) -> SEDFeatures:
    height, width = grid
    return SEDFeatures(
        torch.rand(batch, classes, 3, height, width),
        tuple(
            torch.rand(batch, channels, scale * height, scale * width)
            for channels, scale in ((12, 2), (8, 4), (4, 8))
        ),
    )


@pytest.mark.parametrize('k', [0, 2])
@pytest.mark.parametrize(
    ('classes', 'batch', 'grid'),
    [(1, 1, (1, 1)), (5, 2, (3, 2)), (40, 1, (2, 5))],
)
@torch.no_grad()
def test_any_vocabulary_batch_and_grid(
    k: int, classes: int, batch: int, grid: tuple[int, int]
) -> None:
    logits = build(rejection_k=k)(features(classes, batch, grid))
    assert logits.shape == (batch, classes, 8 * grid[0], 8 * grid[1])
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize('pool', [1, 2])
def test_a_few_classes_at_a_time_give_the_same(pool: int) -> None:
    head, inputs = build(pool_test=pool, class_chunk=3), features(8, 2)
    expected = head(inputs)  # with gradients all at once
    with torch.no_grad():
        torch.testing.assert_close(head(inputs), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_rejection_is_per_image() -> None:
    head, inputs = build(rejection_k=1), features(30, 3)
    for stage in head.auxiliary_heads:
        stage.weight *= 20
    together = head(inputs)
    for index in range(3):
        one = SEDFeatures(
            inputs.correlation[index : index + 1],
            tuple(g[index : index + 1] for g in inputs.guidance),
        )
        torch.testing.assert_close(
            head(one)[0], together[index], rtol=0, atol=1e-5
        )
    rejected = (together.sigmoid() == 0).all(dim=3).all(dim=2)
    assert rejected.any()
    assert not rejected.all(dim=1).any()


@torch.no_grad()
def test_rejection_is_for_evaluation_alone() -> None:
    head, inputs = build(pool_test=2), features(30)
    plain = head(inputs)
    head.rejection_k = 1
    torch.testing.assert_close(head.train()(inputs), plain)


@torch.no_grad()
def test_best_somewhere() -> None:
    head = build(rejection_k=1)
    scores = torch.tensor([[3.0, 0, 0], [0, 0, 0], [0, 2, 2], [1, 1, 1]])
    kept = head.best_somewhere(scores[None, :, :, None])
    assert kept.tolist() == [0, 2]
    head.rejection_k = 3
    assert head.best_somewhere(scores[None, :2, :, None]).tolist() == [0, 1]


def test_auxiliary_heads_have_no_influence_on_the_rest() -> None:
    head = build().train()
    sample = SegDataSample()
    sample.gt_sem_seg = PixelData(data=torch.randint(0, 4, (1, 24, 16)))
    losses = head.loss(features(4), [sample])
    names = [f'aux{i}.loss_bce' for i in range(3)]
    assert {'loss_bce', *names} <= set(losses)
    sum(losses[name] for name in names).backward()
    reached = {k for k, p in head.named_parameters() if p.grad is not None}
    expected = {
        k for k, _ in head.named_parameters() if k.startswith('auxiliary')
    }
    assert reached == expected


def test_as_many_guides_as_stages() -> None:
    with pytest.raises(ValueError, match='differ in length'):
        build(guidance_dims=(8, 8))
