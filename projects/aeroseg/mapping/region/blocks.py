# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Blocks of rows that workers predict independently of each other."""

from collections.abc import Iterable, Sequence

from aeroseg.mapping.job.work_folder import Rows
from aeroseg.mapping.windows.map_rows import ends_of_strips
from aeroseg.mapping.windows.scan import Scan


def make_blocks(scan: Scan, strips: int) -> list[Rows]:
    """Cut a scene into blocks that end where strips of windows end.

    A block's rows are the same bytes whoever predicts them: they need the
    windows that reach into them, and these are predicted in the same batches
    and added in the same order.

    Args:
        scan (Scan): The windows of the scene.
        strips (int): Strips per block.

    Returns:
        list[Rows]: From top to bottom, without gaps.
    """
    ends = ends_of_strips(scan)
    chosen = [*ends[strips - 1 : -1 : strips], ends[-1]]
    blocks, top = [], 0
    for bottom in chosen:
        if bottom > top:  # strips of a very small grid may share a row
            blocks.append(Rows(top, bottom))
            top = bottom
    return blocks


def share_of(blocks: Sequence[Rows], index: int, shares: int) -> list[Rows]:
    """The blocks of one of several runs that know nothing of each other.

    Args:
        blocks (Sequence[Rows]): All blocks.
        index (int): Number of the run, from 1.
        shares (int): Number of runs.

    Returns:
        list[Rows]: Neighbours, so that few windows are predicted twice.
    """
    first = (index - 1) * len(blocks) // shares
    last = index * len(blocks) // shares
    return list(blocks[first:last])


def next_block(
    waiting: Sequence[Rows], end: int | None, busy: Iterable[int]
) -> Rows:
    """The block that a worker takes next.

    The one below its last one, which needs no window again; else the middle
    of the longest stretch that no other worker comes to, so that each has a
    stretch of its own.

    Args:
        waiting (Sequence[Rows]): Not empty, from top to bottom.
        end (int | None): Row after the worker's last block.
        busy (Iterable[int]): Row after the block that each other worker is
            at.
    """
    for block in waiting:
        if block.top == end:
            return block
    taken = set(busy)
    stretches: list[list[Rows]] = []
    for block in waiting:
        if not stretches or stretches[-1][-1].bottom != block.top:
            stretches.append([])
        stretches[-1].append(block)
    longest = max(stretches, key=len)
    # Whoever is right above will come to its first half.
    followed = longest[0].top in taken
    return longest[len(longest) // 2] if followed else longest[0]
