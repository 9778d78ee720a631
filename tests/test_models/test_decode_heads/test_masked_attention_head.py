# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The decoder of Mask2Former: masks, matching and losses."""

from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from aeroseg.models.decode_heads import MaskedAttentionHead
from aeroseg.models.necks import DeformablePixelDecoder


@pytest.fixture
def head() -> MaskedAttentionHead:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MaskedAttentionHead(
        embed_dims=16,
        mask_dims=8,
        num_levels=3,
        feature_dims=12,
        num_queries=5,
        num_layers=4,
        num_heads=2,
        hidden_dims=32,
        feature_hidden_dims=16,
        num_points=64,
    ).eval()


def levels() -> list[Tensor]:
    return [torch.randn(2, 16, s, s + 1) for s in (2, 4, 8)]


def test_a_prediction_before_the_first_layer_and_after_each(
    head: MaskedAttentionHead,
) -> None:
    features, masks = head(torch.randn(2, 8, 16, 18), levels())
    assert [tuple(f.shape) for f in features] == [(2, 5, 12)] * 5
    assert [tuple(m.shape) for m in masks] == [(2, 5, 16, 18)] * 5
    assert torch.equal(
        features[0][0], features[0][1]
    )  # queries alone, no image yet


def test_queries_look_only_where_their_mask_is(
    head: MaskedAttentionHead,
) -> None:
    masks = torch.full((1, 5, 16, 18), -9.0)
    masks[0, 0, :8] = 9  # the upper half
    closed = head._closed(masks, torch.zeros(1, 16, 8, 9))
    closed = closed.view(2, 5, 8, 9)  # heads
    assert not closed[:, 0, :4].any()
    assert closed[:, 0, 4:].all()
    assert not closed[:, 1:].any()  # an empty mask looks everywhere


def test_what_is_masked_has_no_influence(head: MaskedAttentionHead) -> None:
    layer = head.layers[0]
    x, place = torch.randn(1, 5, 16), torch.randn(1, 5, 16)
    memory, positions = torch.randn(1, 6, 16), torch.randn(6, 16)
    closed = torch.zeros(2, 5, 6, dtype=torch.bool)
    closed[..., 4:] = True
    before = layer(x, place, memory, positions, closed)
    memory[:, 4:] = 100
    after = layer(x, place, memory, positions, closed)
    assert torch.allclose(before, after, atol=1e-6)


def test_matching_has_the_lowest_cost_of_all(
    head: MaskedAttentionHead,
) -> None:
    """Costs written out in float64, all assignments tried."""
    torch.manual_seed(1)
    logits = torch.randn(5, 4, dtype=torch.float64)
    masks = 3 * torch.randn(5, 7, dtype=torch.float64)
    truth = (torch.rand(3, 7) > 0.5).double()
    labels = torch.tensor([2, 0, 1])
    chance = masks.sigmoid()
    cost = torch.zeros(5, 3, dtype=torch.float64)
    for q in range(5):
        for t in range(3):
            cost[q, t] -= 2 * logits[q].softmax(0)[labels[t]]
            cost[q, t] += 5 * F.binary_cross_entropy(chance[q], truth[t])
            both = (chance[q] * truth[t]).sum()
            total = chance[q].sum() + truth[t].sum()
            cost[q, t] += 5 * (1 - (2 * both + 1) / (total + 1))
    best = min(
        permutations(range(5), 3),
        key=lambda rows: sum(float(cost[r, t]) for t, r in enumerate(rows)),
    )
    queries, found = head.match_masks.assigner.assign(
        pred_instances=InstanceData(
            scores=logits.float(), masks=masks.float()
        ),
        gt_instances=InstanceData(labels=labels, masks=truth.float()),
    )
    pairs = dict(zip(found.tolist(), queries.tolist(), strict=True))
    assert tuple(pairs[t] for t in range(3)) == best


def test_losses_of_every_prediction(head: MaskedAttentionHead) -> None:
    features, masks = head.train()(torch.randn(2, 8, 16, 18), levels())
    words = torch.randn(12, 4)
    samples = []
    for low in (0, 255):  # the second image has no labelled pixel
        sample = SegDataSample()
        label = torch.randint(0, 3, (1, 64, 72)) if low == 0 else None
        label = torch.full((1, 64, 72), 255) if label is None else label
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    losses = head.loss_of_queries(
        [f @ words for f in features], masks, samples
    )
    assert len(losses) == 3 * 5
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_sizes_are_those_of_the_published_network() -> None:
    with torch.device('meta'):
        decoder = DeformablePixelDecoder((128, 256, 512, 1024))
        head = MaskedAttentionHead(256, 256, 3, 512)
    count = [
        round(sum(p.numel() for p in part.parameters()) / 1e6, 1)
        for part in (decoder, head.layers)
    ]
    assert count == [5.5, 14.2]


def test_the_pixel_decoder_keeps_the_sizes_of_the_stages() -> None:
    decoder = DeformablePixelDecoder(
        (4, 6, 8, 10), 16, 8, 1, 2, hidden_dims=32, num_groups=4
    )
    sizes = ((16, 24), (8, 12), (4, 6), (2, 3))
    stages = [
        torch.randn(2, c, *size)
        for c, size in zip((4, 6, 8, 10), sizes, strict=True)
    ]
    pixels, found = decoder(stages)
    assert pixels.shape == (2, 8, 16, 24)
    assert [tuple(f.shape) for f in found] == [
        (2, 16, *size) for size in sizes[:0:-1]
    ]
    # Every level reaches every other one.
    pixels.square().sum().backward()
    assert all(p.grad is not None for p in decoder.parameters())
