# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Predict a scene band by band: overlapping windows in, blended rows out."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from .batch_log import BatchLog
from .image_source import Source
from .scene_tiling import Tiling
from .score_model import PatientModel, ScoreModel
from .stopwatch import Stopwatch

Rows = tuple[int, Tensor]  # number of the first row, scores (S, n, W')


class Scan:
    """Slide windows over a source and blend what the model says.

    A band is a row of windows. Only one band of scores is held: once its
    windows are predicted, the rows that no later band reaches are complete
    and handed on, and the rest moves up. Memory therefore depends on the
    window, the batch and the width of the scene, never on its height.

    Args:
        model (ScoreModel): The model.
        source (Source): The scene; the scan works on its `grid`.
        tiling (Tiling): Window, overlap and batch.
        num_scores (int): S, the score maps of the model.
        tick (Callable[[int], object]): Told how many windows were done.
        clock (Stopwatch | None): Counts 'reading', 'model' and 'blending'.
        batches (BatchLog | None): Windows per pass; None takes the batch of
            the tiling and keeps no record of its halvings.

    Attributes:
        num_windows (int): Windows of the whole scene.
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
    ) -> None:
        self.clock = clock or Stopwatch()
        self.model = PatientModel(model, batches or BatchLog(tiling.batch))
        self.source = source
        self.batch = tiling.batch
        self.num_scores = num_scores
        self.tick = tick
        height, width = source.grid
        self.bands, self.columns = tiling.axis(height), tiling.axis(width)

    @property
    def num_windows(self) -> int:
        """Windows of the whole scene."""
        return len(self.bands) * len(self.columns)

    def rows(self, first: int = 0) -> Iterator[Rows]:
        """Blended rows from top to bottom.

        Args:
            first (int): Row of the grid to start with. The rows are exactly
                those of a scan from the top.

        Yields:
            Rows: Number of the first row and probabilities (S, n, W'). The
            tensor is overwritten afterwards.
        """
        begin = self.bands.first_reaching(first)
        self.tick(begin * len(self.columns))
        width = self.source.grid[1]
        scores = torch.zeros(self.num_scores, self.bands.size, width)
        for index, (image, valid) in self._read_ahead(begin):
            with self.clock('blending'):
                self._predict_band(index, image, valid, scores)
            top = self.bands.starts[index]
            done = self.bands.complete(index) - top
            skip = min(max(first - top, 0), done)
            if skip < done:
                yield top + skip, scores[:, skip:done]
            with self.clock('blending'):
                _move_up(scores, done)

    def _read_ahead(
        self, begin: int
    ) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
        """The bands; while one is worked on, the next one is read."""
        with ThreadPoolExecutor(max_workers=1) as reader:

            def read(index: int) -> Future:
                top = self.bands.starts[index]
                return reader.submit(
                    self.source.read, top, top + self.bands.size
                )

            coming = read(begin)
            for index in range(begin, len(self.bands)):
                with self.clock('reading'):
                    band = coming.result()
                if index + 1 < len(self.bands):
                    coming = read(index + 1)
                yield index, band

    def _predict_band(
        self,
        index: int,
        image: np.ndarray,
        valid: np.ndarray,
        scores: Tensor,
    ) -> None:
        size = self.columns.size
        holding = [
            i
            for i, left in enumerate(self.columns.starts)
            if valid[:, left : left + size].any()
        ]
        down = torch.from_numpy(self.bands.weights[index])[:, None]
        for begin in range(0, len(holding), self.batch):
            chosen = holding[begin : begin + self.batch]
            lefts = [self.columns.starts[i] for i in chosen]
            batch = torch.stack(
                [_window(image, valid, x, size) for x in lefts]
            )
            number = index * len(self.columns) + chosen[0]
            with self.clock('model'):
                found = self.model.predict_scores(batch, number)
            self._check(found)
            for i, left, part in zip(chosen, lefts, found, strict=True):
                weight = down * torch.from_numpy(self.columns.weights[i])
                scores[:, :, left : left + size].addcmul_(part, weight)
            self.tick(len(chosen))
        self.tick(len(self.columns) - len(holding))

    def _check(self, scores: Tensor) -> None:
        if scores.shape[1] != self.num_scores:
            raise ValueError(
                f'the model gives {scores.shape[1]} score maps, the '
                f'vocabulary asks for {self.num_scores}'
            )


def _window(
    image: np.ndarray, valid: np.ndarray, left: int, size: int
) -> Tensor:
    pixels = image[:, :, left : left + size]
    holding = valid[:, left : left + size]
    window = torch.from_numpy(pixels.astype(np.float32))
    if not holding.all():
        # The mean hides the border of the data better than black does.
        mean = pixels[:, holding].mean(axis=1, dtype=np.float64)
        fill = torch.from_numpy(mean.astype(np.float32))
        window[:, torch.from_numpy(~holding)] = fill[:, None]
    return window


def _move_up(scores: Tensor, done: int) -> None:
    kept = scores.shape[1] - done
    # Row by row, so that source and target never overlap.
    for row in range(kept):
        scores[:, row] = scores[:, row + done]
    scores[:, kept:] = 0
