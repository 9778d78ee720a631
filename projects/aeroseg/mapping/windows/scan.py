# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Predict a scene strip by strip: overlapping windows in, blended rows out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from aeroseg.mapping.reading.image_source import Source
from aeroseg.mapping.stopwatch import Stopwatch

from .batch_log import BatchLog
from .lanes import Lane, whole
from .score_model import PatientModel, ScoreModel
from .tiling import Tiling

Rows = tuple[int, Tensor]  # number of the first row, scores (S, n, w')


class Strip(NamedTuple):
    """A row of windows, as it was read from the scene.

    Attributes:
        number (int): From 0 at the top.
        image (np.ndarray): RGB, (3, h, w') uint8.
        valid (np.ndarray): Where there is data, (h, w') bool.
        some (np.ndarray): Columns with data somewhere, (w',) bool.
        every (np.ndarray): Columns with data everywhere, (w',) bool.
    """

    number: int
    image: np.ndarray
    valid: np.ndarray
    some: np.ndarray
    every: np.ndarray


class Scan:
    """Slide windows over a scene and blend what the model predicts.

    A strip is a row of windows. Only one strip of scores is held: once its
    windows are predicted, the rows that no later strip reaches are complete
    and yielded, and the rest moves up. Memory therefore depends on the
    window, the batch and the width w' of the lane, never on the height.

    Args:
        model (ScoreModel): The model.
        source (Source): The scene, scanned on its `grid`.
        tiling (Tiling): Window, overlap and batch.
        num_scores (int): S, the score maps of the model.
        tick (Callable[[int], object]): Called with the number of windows
            that were done.
        clock (Stopwatch | None): Counts 'reading', 'model' and 'blending'.
        batches (BatchLog | None): Windows per pass; None takes the batch of
            the tiling and keeps no record of its halvings.
        show (Callable[[int, int, Tensor], object]): Called with every window
            as soon as it is predicted: its first row and column on the grid,
            and its scores (S, h, w).
        lane (Lane | None): The columns to predict; None for all.

    Attributes:
        num_windows (int): Windows of the lane.
    """

    def __init__(
        self,
        model: ScoreModel,
        source: Source,
        tiling: Tiling,
        num_scores: int,
        tick: Callable[[int], object] = lambda count: None,
        clock: Stopwatch | None = None,
        batches: BatchLog | None = None,
        show: Callable[[int, int, Tensor], object] = lambda *window: None,
        lane: Lane | None = None,
    ) -> None:
        self.show = show
        self.clock = clock or Stopwatch()
        self.model = PatientModel(model, batches or BatchLog(tiling.batch))
        self.source = source
        self.num_scores = num_scores
        self.tick = tick
        self.lane = lane or whole(source)
        height, width = source.grid
        self.strips = tiling.axis(height)
        self.columns = tiling.axis(width).part(self.lane.first, self.lane.last)
        self._per_strip = len(tiling.axis(width))
        # A pass never holds windows of two strips.
        self.batch = min(tiling.batch, len(self.columns))

    @property
    def num_windows(self) -> int:
        """Windows of the lane."""
        return len(self.strips) * len(self.columns)

    def number_of(self, strip: int, column: int = 0) -> int:
        """A number for a window that grows in the order of the work."""
        strips = self.lane.number * len(self.strips) + strip
        return strips * self._per_strip + column

    def rows(self, first: int = 0) -> Iterator[Rows]:
        """Blended rows from top to bottom.

        Args:
            first (int): Row of the grid to start with. The rows are exactly
                those of a scan from the top.

        Yields:
            Rows: Number of the first row and probabilities (S, n, w') of
            the columns that the windows cover, from `columns.origin` on.
            The tensor is overwritten afterwards.
        """
        begin = self.strips.first_reaching(first)
        width = self.columns.length
        scores = torch.zeros(self.num_scores, self.strips.size, width)
        # One batch, filled again and again: fresh memory takes longer to get
        # than to fill.
        windows = torch.empty(
            self.batch, 3, self.strips.size, self.columns.size
        )
        for strip in self._read_ahead(begin):
            with self.clock('blending'):
                self._predict_strip(strip, windows, scores)
            top = self.strips.starts[strip.number]
            done = self.strips.complete(strip.number) - top
            skip = min(max(first - top, 0), done)
            if skip < done:
                yield top + skip, scores[:, skip:done]
            with self.clock('blending'):
                _move_up(scores, done)

    def _read_ahead(self, begin: int) -> Iterator[Strip]:
        """The strips; while one is worked on, the next one is read."""
        with ThreadPoolExecutor(max_workers=1) as reader:
            coming = reader.submit(self._read, begin)
            for index in range(begin, len(self.strips)):
                with self.clock('reading'):
                    strip = coming.result()
                if index + 1 < len(self.strips):
                    coming = reader.submit(self._read, index + 1)
                yield strip

    def _read(self, index: int) -> Strip:
        top = self.strips.starts[index]
        left = self.columns.origin
        image, valid = self.source.read(
            top, top + self.strips.size, left, left + self.columns.length
        )
        some = np.logical_or.reduce(valid, axis=0)
        every = np.logical_and.reduce(valid, axis=0)
        return Strip(index, image, valid, some, every)

    def _predict_strip(
        self, strip: Strip, windows: Tensor, scores: Tensor
    ) -> None:
        size = self.columns.size
        places = [slice(left, left + size) for left in self.columns.starts]
        holding = [i for i, at in enumerate(places) if strip.some[at].any()]
        pixels = torch.from_numpy(strip.image)
        for begin in range(0, len(holding), self.batch):
            chosen = holding[begin : begin + self.batch]
            for window, i in zip(windows, chosen, strict=False):
                window.copy_(pixels[:, :, places[i]])
                if not strip.every[places[i]].all():
                    _fill(window, strip.valid[:, places[i]])
            number = self.number_of(strip.number, chosen[0])
            with self.clock('model'):
                found = self.model.predict_scores(
                    windows[: len(chosen)], number
                )
            self._blend(strip.number, chosen, found, scores)
            del found  # so that the next pass finds this memory free
            self.tick(len(chosen))
        self.tick(len(self.columns) - len(holding))

    def _blend(
        self, index: int, chosen: list[int], found: Tensor, scores: Tensor
    ) -> None:
        if found.shape[1] != self.num_scores:
            raise ValueError(
                f'the model gives {found.shape[1]} score maps, the '
                f'vocabulary asks for {self.num_scores}'
            )
        down = torch.from_numpy(self.strips.weights[index])[:, None]
        for i, window in zip(chosen, found, strict=True):
            left = self.columns.starts[i]
            weight = down * torch.from_numpy(self.columns.weights[i])
            place = scores[:, :, left : left + self.columns.size]
            place.addcmul_(window, weight)
            left += self.columns.origin
            self.show(self.strips.starts[index], left, window)


def _fill(window: Tensor, valid: np.ndarray) -> None:
    """Give pixels without data the mean of the others.

    The mean hides the border of the data better than black does.
    """
    pixels = window.numpy()
    mean = pixels[:, valid].mean(axis=1, dtype=np.float64)
    pixels[:, ~valid] = mean[:, None]


def _move_up(scores: Tensor, done: int) -> None:
    kept = scores.shape[1] - done
    # At most as many rows as are done at a time, so that rows are never
    # copied onto themselves.
    for top in range(0, kept, done):
        bottom = min(top + done, kept)
        scores[:, top:bottom] = scores[:, top + done : bottom + done]
    scores[:, kept:] = 0
