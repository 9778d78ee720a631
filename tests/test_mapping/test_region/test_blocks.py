# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from aeroseg.mapping.block import Block, overlaps
from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.region.blocks import (
    make_blocks,
    open_stretch,
    share_of,
)
from aeroseg.mapping.windows.lanes import make_lanes
from aeroseg.mapping.windows.scan import Scan
from aeroseg.mapping.windows.tiling import Tiling


def _row(top: int, bottom: int, left: int = 0) -> Block:
    return Block(left, left + 10, top, bottom)


def _scans(
    model: Any, shape: tuple[int, int], scale: float = 1.0, window: int = 48
) -> dict[int, Scan]:
    source = ArraySource(np.zeros((*shape, 3), np.uint8), scale)
    tiling = Tiling(window, window // 4)
    lanes = make_lanes(source, tiling)
    return {x.left: Scan(model, source, tiling, 3, lane=x) for x in lanes}


@pytest.mark.parametrize('workers', [1, 2, 3, 99])
@pytest.mark.parametrize('scale', [1.0, 0.4, 1.7])
def test_blocks_cover_a_scene_once(
    model: Any, workers: int, scale: float
) -> None:
    blocks = make_blocks(_scans(model, (2000, 40), scale), workers)
    assert blocks[0].top == 0
    assert blocks[-1].bottom == 2000
    for above, below in pairwise(blocks):
        assert below.is_below(above)
        assert below.area > 0


def test_a_wide_scene_is_cut_into_columns_as_well(model: Any) -> None:
    blocks = make_blocks(_scans(model, (60, 3000), window=16), 2)
    assert blocks == sorted(blocks)
    assert {(block.left, block.right) for block in blocks} == {
        (0, 1024), (1024, 2048), (2048, 3000)
    }  # fmt: skip
    assert sum(block.area for block in blocks) == 60 * 3000


def test_shares_are_neighbours_and_miss_nothing() -> None:
    blocks = [_row(i, i + 1) for i in range(10)]
    for shares in (1, 3, 10, 12):
        parts = [share_of(blocks, i + 1, shares) for i in range(shares)]
        assert [b for part in parts for b in part] == blocks


def test_only_gaps_are_predicted() -> None:
    blocks = [_row(0, 10), _row(10, 20), _row(20, 30), _row(0, 10, left=10)]
    gaps = [_row(3, 5), _row(8, 12), _row(25, 30), _row(2, 4, left=10)]
    assert overlaps(blocks, gaps) == [
        _row(3, 5), _row(8, 10), _row(10, 12), _row(25, 30),
        _row(2, 4, left=10),
    ]  # fmt: skip
    assert overlaps(blocks, []) == []


def test_everyone_has_a_stretch_of_ones_own() -> None:
    row = [_row(i, i + 1) for i in range(8)]
    assert open_stretch(row, []) == row[0]
    assert open_stretch(row[1:], [row[0]]) == row[4]
    assert open_stretch(row[5:], [row[4]]) == row[6]
    assert open_stretch(row[1:3] + row[5:], [row[0]]) == row[5]
    lanes = [_row(i, i + 1, left) for left in (0, 10) for i in range(4)]
    assert open_stretch(lanes[1:], [lanes[0]]) == lanes[4]


def test_all_workers_are_busy_until_the_end(model: Any) -> None:
    def per_block(height: int, workers: int) -> float:
        scans = _scans(model, (height, 40))
        strips = len(scans[0].strips)
        return strips / len(make_blocks(scans, workers))

    assert per_block(360, 2) == 1
    assert 3.8 < per_block(36 * 128, 2) <= 4
    assert 7.5 < per_block(36 * 999, 2) <= 8
