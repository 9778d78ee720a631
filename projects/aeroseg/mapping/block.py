# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Blocks: the parts in which a scene is mapped, kept and written."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Block(NamedTuple):
    """A rectangle of a scene, in pixels; `right` and `bottom` are outside.

    Sorted, blocks of a lane follow each other from top to bottom, and lanes
    from left to right.
    """

    left: int
    right: int
    top: int
    bottom: int

    def __str__(self) -> str:
        """In words."""
        return (
            f'rows {self.top} to {self.bottom} of columns {self.left} to '
            f'{self.right}'
        )

    def is_below(self, other: 'Block') -> bool:
        """Whether it begins where another one of its lane ends."""
        return self[:2] == other[:2] and self.top == other.bottom

    @property
    def area(self) -> int:
        """Pixels."""
        return (self.right - self.left) * (self.bottom - self.top)


def overlaps(blocks: Iterable[Block], gaps: Sequence[Block]) -> list[Block]:
    """The parts of blocks that lie in gaps of the same lane.

    Args:
        blocks (Iterable[Block]): Sorted.
        gaps (Sequence[Block]): What is not kept.
    """
    of_lane: dict[int, list[Block]] = {}
    for gap in gaps:
        of_lane.setdefault(gap.left, []).append(gap)
    found = []
    for block in blocks:
        for gap in of_lane.get(block.left, []):
            top = max(block.top, gap.top)
            bottom = min(block.bottom, gap.bottom)
            if top < bottom:
                found.append(block._replace(top=top, bottom=bottom))
    return found
