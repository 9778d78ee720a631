# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Further passes over the test data, each with other words."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.runner import Runner, autocast
from torch import Tensor

from aeroseg.models.segmentors import OpenVocabSegmentor, unwrapped
from aeroseg.models.segmentors.open_vocab import FEW_CLASSES
from aeroseg.vocabulary import Vocabulary

from .bootstrap import batch_means, class_iou
from .full_report_metric import FullReportMetric
from .score_histograms import BINS, auroc, score_bins
from .words import distractors_for, wordings_of

PASSES = ('wordings', 'distractors', 'background')
DISTRACTORS = (0, 10, 100)


class _Passes:
    """The test data of a run, to be asked again with other words."""

    def __init__(
        self, runner: Runner, metric: FullReportMetric, images: int | None
    ) -> None:
        self.runner = runner
        self.model = unwrapped(runner.model)
        self.words: Vocabulary = self.model.vocabulary
        self.ignored = metric.ignore_index
        total = len(runner.test_dataloader.dataset)
        self.images = min(images or total, total)

    def each(
        self, vocabulary: Vocabulary, consume: Callable[[Any], None]
    ) -> None:
        """Predict every image with some words; `consume` gets the results."""
        amp = getattr(self.runner.test_loop, 'fp16', False)
        place = get_rank()
        with (
            _other_words(self.model, vocabulary),
            torch.no_grad(),
            autocast(enabled=amp),
        ):
            for batch in self.runner.test_dataloader:
                for sample in self.runner.model.test_step(batch):
                    if place < self.images:
                        consume(sample)
                    place += get_world_size()
                if place >= self.images:
                    break

    def confusion(self, vocabulary: Vocabulary) -> tuple[np.ndarray, float]:
        """Counts (T, 3) of a pass, and the share of pixels of no class."""
        classes = len(vocabulary)
        counts = torch.zeros(classes + 1, 3, dtype=torch.int64)

        def consume(sample: Any) -> None:
            guess, truth = self._valid(sample)
            guess = torch.where(guess < classes, guess, classes)
            for column, ids in enumerate(
                (truth[guess == truth], guess, truth)
            ):
                counted = torch.bincount(ids, minlength=classes + 1)
                counts[:, column] += counted.cpu()

        self.each(vocabulary, consume)
        all_reduce(counts)
        table = counts.numpy()
        return table[:classes], float(table[classes, 1] / table[:, 1].sum())

    def histogram(self, left_out: int) -> tuple[np.ndarray, np.ndarray]:
        """Best probabilities where a class is left out of the words.

        Returns:
            tuple[np.ndarray, np.ndarray]: Pixels of the class and of the
            others per bin, (BINS,) each.
        """
        counts = torch.zeros(2, BINS, dtype=torch.int64)
        shorter = _without(self.words, left_out)

        def consume(sample: Any) -> None:
            _, truth = self._valid(sample)
            logits = sample.seg_logits.data
            probability = self.model.result_probability(logits)
            label = sample.gt_sem_seg.data[0].to(logits.device)
            best = probability[: len(shorter)].amax(dim=0)
            place = score_bins(best[label != self.ignored].float())
            for row, mask in enumerate((truth == left_out, truth != left_out)):
                counted = torch.bincount(place[mask], minlength=BINS)
                counts[row] += counted.cpu()

        self.each(shorter, consume)
        all_reduce(counts)
        first, second = counts.numpy()
        return first, second

    def _valid(self, sample: Any) -> tuple[Tensor, Tensor]:
        """Predicted and true ids of the pixels that count."""
        guess = sample.pred_sem_seg.data[0].long()
        truth = sample.gt_sem_seg.data[0].long().to(guess.device)
        valid = truth != self.ignored
        return guess[valid], truth[valid]


def check_passes(
    passes: Sequence[str], model: Any, wordings: str | None
) -> None:
    """Refuse, before a test, passes that cannot be run after it.

    Args:
        passes (Sequence[str]): Of :data:`PASSES`.
        model (BaseSegmentor): The model that is tested.
        wordings (str | None): File of further words.

    Raises:
        ValueError: If the model takes no words, the words do not fit, or
            'background' is asked for without logits or with one class.
    """
    if not passes:
        return
    if not isinstance(model, OpenVocabSegmentor):
        raise ValueError(
            f'passes {list(passes)}: {type(model).__name__} has an output '
            'per class and takes no words; leave --passes out'
        )
    if 'wordings' in passes:
        wordings_of(model.vocabulary, wordings)
    if 'background' not in passes:
        return
    if len(model.vocabulary) == 1:
        raise ValueError(
            "the pass 'background' leaves out each class in turn, and there "
            'is only one'
        )
    few = model.out_channels <= FEW_CLASSES
    if not model.test_cfg.get('keep_logits', few):
        raise ValueError(
            "the pass 'background' needs the logits of all classes; add "
            '--cfg-options model.test_cfg.keep_logits=True'
        )


def run_passes(
    passes: Sequence[str],
    runner: Runner,
    metric: FullReportMetric,
    images: int | None = None,
    wordings: str | None = None,
) -> dict[str, Any]:
    """Test again with other words.

    Args:
        passes (Sequence[str]): 'wordings': every class under other names,
            once per wording. 'distractors': 0, 10 and 100 words that nothing
            in the images is called. 'background': each class left out in
            turn; are its pixels told from those of the others by their best
            probability?
        runner (Runner): After its test.
        metric (FullReportMetric): Of that test.
        images (int, optional): Images to use, from the first.
        wordings (str, optional): See :func:`wordings_of`.

    Returns:
        dict: What the report says of each pass; plain values.
    """
    if not passes:
        return {}
    again = _Passes(runner, metric, images)
    runners = {
        'wordings': lambda: _wordings(again, wordings),
        'distractors': lambda: _distractors(again),
        'background': lambda: _background(again),
    }
    found: dict[str, Any] = {'images': again.images}
    for name in PASSES:
        if name in passes:
            runner.logger.info(f'The pass {name!r} begins')
            found[name] = runners[name]()
    return found


def _wordings(again: _Passes, file: str | None) -> dict[str, Any]:
    words = wordings_of(again.words, file)
    rounds = []
    for chosen in zip(*words, strict=True):
        synonyms = tuple((word,) for word in chosen)
        counts, _ = again.confusion(replace(again.words, synonyms=synonyms))
        rounds.append(class_iou(counts))
    iou = np.stack(rounds)
    means = batch_means(iou, again.words.seen)
    return {
        'means': {name: _spread(values) for name, values in means.items()},
        'classes': [
            {'name': name, 'words': list(group), **_spread(column)}
            for name, group, column in zip(
                again.words.names, words, iou.T, strict=True
            )
        ],
    }


def _distractors(again: _Passes) -> list[dict[str, Any]]:
    rows = []
    for number in DISTRACTORS:
        extra = distractors_for(again.words, number)
        contrast = again.words.contrast + extra
        vocabulary = replace(again.words, contrast=contrast)
        counts, lost = again.confusion(vocabulary)
        means = batch_means(class_iou(counts), again.words.seen)
        row = {name: float(value) for name, value in means.items()}
        rows.append({'words': number, **row, 'taken_percent': 100 * lost})
    return rows


def _background(again: _Passes) -> dict[str, Any]:
    areas = []
    for index in range(len(again.words)):
        own, others = again.histogram(index)
        areas.append(auroc(others, own))  # low probability: background
    values = np.array(areas)
    means = batch_means(100 * values, again.words.seen)
    named = zip(again.words.names, areas, strict=True)
    return {
        'means': {k: float(v) for k, v in means.items() if k != 'h-mIoU'},
        'classes': [{'name': n, 'AUROC': 100 * a} for n, a in named],
    }


def _spread(values: np.ndarray) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    if not known.size:
        known = np.array([np.nan])
    return {
        'rounds': [float(value) for value in values],
        'mean': float(known.mean()),
        'std': float(known.std(ddof=1)) if len(known) > 1 else float('nan'),
        'low': float(known.min()),
        'high': float(known.max()),
    }


def _without(words: Vocabulary, index: int) -> Vocabulary:
    """A vocabulary without one of its classes."""
    keep = [i for i in range(len(words)) if i != index]
    return replace(
        words,
        names=tuple(words.names[i] for i in keep),
        synonyms=tuple(words.synonyms[i] for i in keep),
        palette=tuple(words.palette[i] for i in keep),
        seen=words.seen and tuple(words.seen[i] for i in keep),
    )


@contextmanager
def _other_words(
    model: OpenVocabSegmentor, vocabulary: Vocabulary
) -> Iterator[None]:
    before = model.vocabulary
    model.set_vocabulary(vocabulary)
    try:
        yield
    finally:
        model.set_vocabulary(before)
