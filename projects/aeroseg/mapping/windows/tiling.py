# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The places of windows in a scene and the weights that blend them."""

from bisect import bisect_left, bisect_right
from copy import copy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from aeroseg.window_starts import starts_by_overlap

_SHARED = 0.12  # of a window, unless it is given


@dataclass(frozen=True)
class Tiling:
    """Size of the windows and of their overlap, in pixels the model sees.

    Attributes:
        window (int): Side of the square windows.
        overlap (int | None): Smallest overlap of neighbours; they may overlap
            more, so that all windows have one size and none leaves the scene.
            None takes 12 % of the window, with which the model sees 1.29
            times the pixels of a large scene; more overlap did not score
            better (docs/notes/scenes.md).
        margin (int | None): Border of a window that is discarded wherever a
            neighbour covers it, because a model has the least context there.
            None takes an eighth of the overlap.
        batch (int): Windows per pass.

    Raises:
        ValueError: If the numbers do not fit together.
    """

    window: int = 384
    overlap: int | None = None
    margin: int | None = None
    batch: int = 4

    def __post_init__(self) -> None:
        if self.window < 1 or self.batch < 1:
            raise ValueError(
                f'window {self.window} and batch {self.batch} must be at '
                'least 1'
            )
        if not 0 <= self.shared < self.window:
            raise ValueError(
                f'overlap {self.shared} must be from 0 to below the window '
                f'({self.window}); an eighth of the window is usual'
            )
        if self.discarded < 0 or 2 * self.discarded > max(self.shared - 1, 0):
            raise ValueError(
                f'margin {self.margin} must be at least 0 and less than half '
                f'of the overlap ({self.shared})'
            )

    @property
    def shared(self) -> int:
        """The overlap in pixels."""
        given = self.overlap
        return int(_SHARED * self.window) if given is None else given

    @property
    def discarded(self) -> int:
        """The margin in pixels."""
        return self.shared // 8 if self.margin is None else self.margin

    def axis(self, length: int) -> 'Axis':
        """Windows along one side of the scene.

        Args:
            length (int): Pixels of that side.
        """
        return _make_axis(self, length)


@lru_cache(maxsize=8)  # those of a country are large, and lanes share them
def _make_axis(tiling: Tiling, length: int) -> 'Axis':
    return Axis(tiling, length)


class Axis:
    """Windows along one side of a scene; it is not changed once it is made.

    The weights of all windows add up to one at every pixel of the side.
    A window at (i, j) has the weight ``rows.weights[i] x cols.weights[j]``,
    so the weights of a whole scene add up to one as well and nothing has to
    be divided afterwards.

    Args:
        tiling (Tiling): Window and overlap.
        length (int): Pixels of the side.

    Attributes:
        origin (int): First pixel of the side that these windows cover.
        size (int): Pixels of a window: the window of the tiling, or the side
            itself if that is shorter.
        starts (list[int]): First pixel of each window from the origin,
            ascending.
        weights (list[np.ndarray]): (size,) float32 per window.
    """

    def __init__(self, tiling: Tiling, length: int) -> None:
        if length < 1:
            raise ValueError(f'a side of {length} pixels holds no window')
        self.length = length
        self.origin = 0
        self.size = min(tiling.window, length)
        self.starts = starts_by_overlap(length, tiling.window, tiling.shared)
        raw = [self._ramp(i, tiling) for i in range(len(self.starts))]
        total = np.zeros(length)
        for start, weight in zip(self.starts, raw, strict=True):
            total[start : start + self.size] += weight
        self.weights = [
            (weight / total[start : start + self.size]).astype(np.float32)
            for start, weight in zip(self.starts, raw, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.starts)

    def part(self, first: int, last: int) -> 'Axis':
        """The windows that some pixels need, with an origin of their own.

        Args:
            first (int): First of these pixels.
            last (int): Pixel after the last one.
        """
        begin = self.first_reaching(first)
        end = bisect_left(self.starts, last)
        found = copy(self)
        found.origin = self.origin + self.starts[begin]
        found.starts = [s - self.starts[begin] for s in self.starts[begin:end]]
        found.weights = self.weights[begin:end]
        found.length = found.starts[-1] + self.size
        return found

    def complete(self, index: int) -> int:
        """Pixels (a count from 0) that need no window after `index`."""
        last = index + 1 == len(self.starts)
        return self.length if last else self.starts[index + 1]

    def first_reaching(self, pixel: int) -> int:
        """Index of the first window that covers `pixel` or lies behind."""
        return bisect_right(self.starts, pixel - self.size)

    def _ramp(self, index: int, tiling: Tiling) -> np.ndarray:
        # sin^2 rises from 0 to 1; mirrored, it complements itself to 1.
        length = max(tiling.shared - 2 * tiling.discarded, 1)
        distance = np.arange(self.size) + 0.5 - tiling.discarded
        rise = np.sin(np.pi / 2 * np.clip(distance / length, 0, 1)) ** 2
        weight = np.ones(self.size)
        if index > 0:
            weight *= rise
        if index < len(self.starts) - 1:
            weight *= rise[::-1]
        return weight
