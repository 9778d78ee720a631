# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Blocks that workers predict independently of each other."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from aeroseg.mapping.block import Block
from aeroseg.mapping.windows.map_rows import ends_of_strips
from aeroseg.mapping.windows.scan import Scan

_SHARES = 16  # blocks per worker at least, where there are so many strips
_STRIPS = 8  # per block at most


def make_blocks(scans: Mapping[int, Scan], workers: int) -> list[Block]:
    """Cut a scene into blocks that end where strips of windows end.

    A block has the same bytes whoever predicts it: it needs the windows that
    reach into it, and these are predicted in the same batches and added in
    the same order.

    Args:
        scans (Mapping[int, Scan]): The windows of each lane of the scene.
        workers (int): How many share the blocks. They get many each, so that
            none is left with much work while the others have none.

    Returns:
        list[Block]: Lane by lane and from top to bottom, without gaps.
    """
    total = sum(len(scan.strips) for scan in scans.values())
    strips = max(1, min(_STRIPS, total // (_SHARES * workers)))
    ends = ends_of_strips(next(iter(scans.values())))  # the same in all lanes
    chosen = [0, *ends[strips - 1 : -1 : strips], ends[-1]]
    return [
        Block(scan.lane.left, scan.lane.right, top, bottom)
        for scan in scans.values()
        for top, bottom in pairwise(chosen)
        if bottom > top  # strips of a very small grid may share a row
    ]


def share_of(blocks: Sequence[Block], index: int, shares: int) -> list[Block]:
    """The blocks of one of several runs that know nothing of each other.

    Args:
        blocks (Sequence[Block]): All blocks.
        index (int): Number of the run, from 1.
        shares (int): Number of runs.

    Returns:
        list[Block]: Neighbours, so that few windows are predicted twice.
    """
    first = (index - 1) * len(blocks) // shares
    last = index * len(blocks) // shares
    return list(blocks[first:last])


def open_stretch(waiting: Collection[Block], busy: Iterable[Block]) -> Block:
    """The block with which a worker begins a stretch of its own.

    The middle of the longest stretch, or its beginning if no other worker
    comes to it, so that each has a stretch of its own.

    Args:
        waiting (Collection[Block]): Not empty.
        busy (Iterable[Block]): The one that each other worker is at.
    """
    stretches: list[list[Block]] = []
    for block in sorted(waiting):
        if not stretches or not block.is_below(stretches[-1][-1]):
            stretches.append([])
        stretches[-1].append(block)
    longest = max(stretches, key=len)
    # Whoever is right above will come to its first half.
    followed = any(longest[0].is_below(block) for block in busy)
    return longest[len(longest) // 2] if followed else longest[0]
