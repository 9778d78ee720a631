# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guided Swin blocks against the published formulation."""

import pytest
import torch

from aeroseg.checkpoints.published_keys import convert_published
from aeroseg.models.layers.guided_swin import GuidedSwinPair
from published.aggregator import PublishedAggregator


@pytest.mark.parametrize(('grid', 'window'), [(8, 4), (12, 6), (6, 12)])
def test_equals_the_published_blocks(grid: int, window: int) -> None:
    oracle = PublishedAggregator(
        channels=2, embed_dim=10, dim=32, heads=4, grid=grid, window=window
    ).double()
    state = {f'aggregator.{k}': v for k, v in oracle.state_dict().items()}
    state = convert_published(state)
    prefix = 'neck.layers.0.spatial.'
    pair = GuidedSwinPair(32, 32, 4, window).double()
    pair.load_state_dict(
        {
            k.removeprefix(prefix): v
            for k, v in state.items()
            if k.startswith(prefix)
        }
    )
    x = torch.randn(2, 32, 3, grid, grid, dtype=torch.double)
    guidance = torch.randn(2, 32, grid, grid, dtype=torch.double)
    expected = oracle.layers[0].swin_block(x, guidance)
    actual = pair(x.permute(0, 2, 3, 4, 1), guidance.permute(0, 2, 3, 1))
    torch.testing.assert_close(
        actual.permute(0, 4, 1, 2, 3), expected, rtol=1e-10, atol=1e-10
    )


def test_classes_do_not_see_each_other() -> None:
    pair = GuidedSwinPair(16, 8, 2, 4)
    x, guidance = torch.randn(1, 3, 5, 7, 16), torch.randn(1, 5, 7, 8)
    alone = torch.cat([pair(part, guidance) for part in x.split(1, 1)], 1)
    torch.testing.assert_close(pair(x, guidance), alone)


def test_padding_of_the_grid_is_not_seen() -> None:
    """A window of a padded grid equals a window of just its cells."""
    pair = GuidedSwinPair(16, 8, 2, 4)
    first = pair.blocks[0]
    x, guidance = torch.randn(1, 1, 5, 4, 16), torch.randn(1, 5, 4, 8)
    whole = first(x, guidance)
    torch.testing.assert_close(
        whole[:, :, 4:], first(x[:, :, 4:], guidance[:, 4:])
    )
