# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from aeroseg.mapping.job.work_folder import Rows, overlaps
from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.region.blocks import (
    make_blocks,
    next_block,
    share_of,
)
from aeroseg.mapping.region.scan_region import strips_per_block
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.tiling import Tiling


@pytest.mark.parametrize('strips', [1, 2, 3, 99])
@pytest.mark.parametrize('scale', [1.0, 0.4, 1.7])
def test_blocks_cover_a_scene_once(
    model: Any, strips: int, scale: float
) -> None:
    source = ArraySource(np.zeros((300, 40, 3), np.uint8), scale)
    scan = Scan(model, source, Tiling(48, 12), 3)
    blocks = make_blocks(scan, strips)
    assert blocks[0].top == 0
    assert blocks[-1].bottom == 300
    for above, below in pairwise(blocks):
        assert above.bottom == below.top > above.top
    assert len(blocks) == -(-len(scan.strips) // strips)


def test_shares_are_neighbours_and_miss_nothing() -> None:
    blocks = [Rows(i, i + 1) for i in range(10)]
    for shares in (1, 3, 10, 12):
        parts = [share_of(blocks, i + 1, shares) for i in range(shares)]
        assert [b for part in parts for b in part] == blocks


def test_only_gaps_are_predicted() -> None:
    blocks = [Rows(0, 10), Rows(10, 20), Rows(20, 30)]
    gaps = [Rows(3, 5), Rows(8, 12), Rows(25, 30)]
    assert overlaps(blocks, gaps) == [
        (3, 5), (8, 10), (10, 12), (25, 30)
    ]  # fmt: skip
    assert overlaps(blocks, []) == []


def test_the_block_below_is_next_else_a_stretch_of_ones_own() -> None:
    blocks = [Rows(i, i + 1) for i in range(8)]
    assert next_block(blocks, None, []) == (0, 1)
    assert next_block(blocks[1:], None, [1]) == (4, 5)
    assert next_block(blocks[1:4] + blocks[5:], 1, [5]) == (1, 2)
    assert next_block(blocks[5:], None, [5]) == (6, 7)
    assert next_block(blocks[7:], 3, [7]) == (7, 8)


def test_few_strips_still_keep_all_workers_busy() -> None:
    assert strips_per_block(100, 2) == 8
    assert strips_per_block(16, 2) == 2
    assert strips_per_block(3, 8) == 1
