# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Collects what the full report needs while a test runs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from torch import Tensor

from .boundary import count_pixels
from .image_counts import ImageCounts, sparse_rows
from .score_histograms import ScoreHistograms

_LARGEST_WIDTH = 1000


@METRICS.register_module()
class FullReportMetric(BaseMetric):
    """Counts per image, and histograms of the probabilities.

    Memory does not grow with the pixels; an image leaves some 100 bytes.
    :class:`FullReportHook` sets the attributes before a test, and makes the
    report of what was collected.

    Args:
        boundary_width (int): Pixels, 1 to 1,000; see :func:`boundary_mask`.
        ignore_index (int): True id of pixels that do not count.
        seen_classes (Sequence[str], optional): Names of the seen classes for
            a dataset whose metainfo does not list them.
        **kwargs: Further arguments of :class:`mmengine.evaluator.BaseMetric`.

    Raises:
        ValueError: If the width is out of its range.

    Attributes:
        to_probability (Callable | None): From ``seg_logits`` of a result to
            probabilities (C, H, W), the T classes first.
        images (int | None): Images of the dataset; what several processes
            evaluate twice to have equally many does not count twice.
        counts (ImageCounts | None): After an evaluation, on the first rank.
        histograms (ScoreHistograms | None): After an evaluation; None if the
            results had no ``seg_logits``.
    """

    def __init__(
        self,
        boundary_width: int = 3,
        ignore_index: int = 255,
        seen_classes: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if not 1 <= boundary_width <= _LARGEST_WIDTH:
            raise ValueError(
                f'boundary_width is {boundary_width}; give 1 to '
                f'{_LARGEST_WIDTH} pixels'
            )
        super().__init__(**kwargs)
        self.boundary_width = boundary_width
        self.ignore_index = ignore_index
        self.seen_classes = seen_classes
        self.to_probability: Callable[[Tensor], Tensor] | None = None
        self.images: int | None = None
        self.counts: ImageCounts | None = None
        self.histograms: ScoreHistograms | None = None

    @torch.no_grad()
    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count a batch.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Per image 'img_path',
                'pred_sem_seg' and 'gt_sem_seg' with ids as 'data',
                (1, H, W), and, for calibration and average precision,
                'seg_logits', (C, H, W).
        """
        classes = len(self.dataset_meta['classes'])
        if not self.results:
            self.histograms = None
        for sample in data_samples:
            guess = sample['pred_sem_seg']['data'][0]
            truth = sample['gt_sem_seg']['data'][0].to(guess.device)
            counts = count_pixels(
                guess.cpu().numpy(),
                truth.cpu().numpy(),
                classes,
                self.ignore_index,
                self.boundary_width,
            )
            if not self._repeated():
                self._add_scores(sample, guess, truth, classes)
            path = str(sample.get('img_path', len(self.results)))
            self.results.append((path, sparse_rows(counts)))

    def _repeated(self) -> bool:
        """Whether the next image was evaluated already, by another rank."""
        place = len(self.results) * get_world_size() + get_rank()
        return self.images is not None and place >= self.images

    def _add_scores(
        self, sample: dict, guess: Tensor, truth: Tensor, classes: int
    ) -> None:
        if 'seg_logits' not in sample or self.to_probability is None:
            return
        logits = sample['seg_logits']['data']
        if len(logits) < classes:
            return  # one map for two classes
        if self.histograms is None:
            self.histograms = ScoreHistograms(classes)
        probability = self.to_probability(logits)[:classes].float()
        self.histograms.update(probability, guess, truth, self.ignore_index)

    def evaluate(self, size: int) -> dict[str, float]:
        """Add up the processes.

        Args:
            size (int): Images of the dataset.
        """
        if self.histograms is not None:
            for name in ('every', 'right', 'calibration'):
                all_reduce(getattr(self.histograms, name))
        return super().evaluate(size)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Keep the counts for the report, which has its own table.

        Args:
            results (list): Path and rows of every image.
        """
        classes = self.dataset_meta['classes']
        seen = self.dataset_meta.get('seen_classes', self.seen_classes)
        marks = None if seen is None else [name in seen for name in classes]
        self.counts = ImageCounts.join(
            results, classes, marks, self.boundary_width
        )
        return {}
