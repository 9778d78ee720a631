# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""IoU over seen, unseen and all classes, with a result file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from PIL import Image
from torch import Tensor

from aeroseg.files import atomic_path
from aeroseg.vocabulary import Vocabulary

from .result_file import write_result
from .score_table import score_table
from .scores import mean_of_valid, open_vocab_means


@METRICS.register_module()
class OpenVocabIoUMetric(IoUMetric):
    """Seen, unseen and harmonic mean IoU of section 4.1 of AerOSeg.

    The seen classes come from ``dataset_meta['seen_classes']``. Pixels are
    counted as integers, so the result does not depend on the order of images
    or the number of processes (mmseg adds float32 numbers, which lose pixels
    above 2**24 per class).

    A class without a pixel in the truth scores nan and is in no mean, even
    if it was predicted: the rule of detectron2's evaluator, which the
    published systems were scored with. (mmseg gives such a class 0 when one
    pixel of it was predicted.) Its false positives lower the classes they
    cover.

    Pixels predicted as none of the classes (an id of T or more, as
    background) count as misses of the true class, unless
    ``dataset_meta['background_id']`` is the id that they get.

    Args:
        seen_classes (Sequence[str], optional): Names of the seen classes for
            a dataset whose metainfo does not list them.
        iou_metrics (Sequence[str]): 'mIoU' and, for more columns, 'mDice'
            and 'mFscore'. The seen and unseen means are of the IoU.
        result_file (str, optional): JSON file for the result. Default: the
            file of :class:`ProtocolHook`, or no file without the hook.
        prefix (str, optional): Put before every metric name, with a slash.
        **kwargs: Further arguments of :class:`mmseg.evaluation.IoUMetric`.

    Attributes:
        protocol (dict): How the scores were computed, for the result file;
            set by :class:`ProtocolHook`.
        default_result_file (str | None): Used where `result_file` is None.

    Raises:
        ValueError: If 'mIoU' is not among the metrics; while evaluating, if
            a seen class is not in the dataset, differs between metric and
            metainfo, or a label has an id that no class has.
    """

    def __init__(
        self,
        seen_classes: Sequence[str] | None = None,
        iou_metrics: str | Sequence[str] = ('mIoU',),
        result_file: str | None = None,
        prefix: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(iou_metrics, str):
            iou_metrics = (iou_metrics,)
        allowed = ('mIoU', 'mDice', 'mFscore')
        if 'mIoU' not in iou_metrics or set(iou_metrics) - set(allowed):
            raise ValueError(
                f'iou_metrics={list(iou_metrics)}; allowed are {allowed}, '
                "and 'mIoU' must be among them: the harmonic mean needs it"
            )
        super().__init__(
            iou_metrics=list(iou_metrics), prefix=prefix, **kwargs
        )
        self.seen_classes = seen_classes
        self.result_file = result_file
        self.default_result_file: str | None = None
        self.protocol: dict[str, Any] = {}
        self._label_sources: dict[str, str] = {}

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count the pixels of a batch and write its label images.

        Args:
            data_batch (dict): Not used.
            data_samples (Sequence[dict]): Per image 'pred_sem_seg' and
                'gt_sem_seg' with ids as 'data', (1, H, W); with `output_dir`
                also 'img_path'.
        """
        classes = len(self.dataset_meta['classes'])
        background = self.dataset_meta.get('background_id')
        for sample in data_samples:
            guess = sample['pred_sem_seg']['data'].squeeze(0)
            if background is not None:
                guess = torch.where(guess < classes, guess, background)
            if not self.format_only:
                truth = sample['gt_sem_seg']['data'].squeeze(0)
                self.results.append(
                    self.intersect_and_union(
                        guess,
                        truth.to(guess.device),
                        classes,
                        self.ignore_index,
                    )
                )
            if self.output_dir is not None:
                self._save_labels(guess, sample, classes)

    def _save_labels(self, guess: Tensor, sample: dict, classes: int) -> None:
        """Write an image of ids: 8 bits if they suffice, else 16.

        With `reduce_zero_label` ids start at 1 and 0 is no class; without,
        they start at 0 and the highest number is no class.
        """
        first = int(bool(sample.get('reduce_zero_label')))
        kind = np.uint8 if classes + first <= 255 else np.uint16
        none = 0 if first else np.iinfo(kind).max
        ids = guess.cpu().numpy().astype(np.int64)
        ids = np.where((ids >= 0) & (ids < classes), ids + first, none)
        source = str(sample['img_path'])
        name = Path(source).with_suffix('.png').name
        if self._label_sources.setdefault(name, source) != source:
            raise ValueError(
                f'{source} and {self._label_sources[name]} would both be '
                f'written to {Path(self.output_dir) / name}; the images of a '
                'test with label images need different names'
            )
        with atomic_path(Path(self.output_dir) / name) as part:
            Image.fromarray(ids.astype(kind)).save(part)

    @staticmethod
    def intersect_and_union(
        pred_label: Tensor,
        label: Tensor,
        num_classes: int,
        ignore_index: int,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Count the pixels of one image.

        Args:
            pred_label (Tensor): Predicted ids, any shape; ids outside of
                [0, T) are no class.
            label (Tensor): True ids, the same shape.
            num_classes (int): T.
            ignore_index (int): Id of pixels that do not count.

        Returns:
            tuple[Tensor, ...]: Intersection, union, predicted and true pixels
            per class, int64 on the CPU, (T,) each.

        Raises:
            ValueError: If the sizes differ or the truth holds an id that no
                class has.
        """
        if pred_label.shape != label.shape:
            raise ValueError(
                f'the prediction is {tuple(pred_label.shape)}, the label '
                f'{tuple(label.shape)}; a label must have the size of its '
                'image'
            )
        valid = label != ignore_index
        truth = label[valid].long()
        guess = pred_label[valid].long()
        if (
            truth.numel()
            and not 0 <= int(truth.min()) <= int(truth.max()) < num_classes
        ):
            ids = truth.unique().tolist()
            bad = [i for i in ids if not 0 <= i < num_classes]
            raise ValueError(
                f'the labels have the ids {bad}, but there are {num_classes} '
                f'classes: allowed are 0 to {num_classes - 1} and '
                f'{ignore_index} for pixels that do not count. Check '
                'reduce_zero_label and the dataset with '
                'tools/check_dataset.py'
            )
        known = guess[(guess >= 0) & (guess < num_classes)]
        count = {
            key: torch.bincount(ids, minlength=num_classes).cpu()
            for key, ids in (
                ('both', truth[truth == guess]),
                ('guess', known),
                ('truth', truth),
            )
        }
        union = count['guess'] + count['truth'] - count['both']
        return count['both'], union, count['guess'], count['truth']

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Add up all images, write the table and the result file.

        Args:
            results (list): Counts of :meth:`intersect_and_union` per image.

        Returns:
            dict[str, float]: Percent: 's-mIoU', 'u-mIoU', 'h-mIoU' (where
            the seen classes are known), 'mIoU', 'aAcc', 'mAcc' and the means
            of further metrics.

        Raises:
            ValueError: If there is no image, or no labelled pixel.
        """
        if self.format_only:
            return super().compute_metrics(results)
        if not results:
            raise ValueError(
                'there is nothing to score: no image was evaluated. Check '
                'the dataset of the evaluation and its ann_file'
            )
        per_image = [
            torch.stack(columns) for columns in zip(*results, strict=True)
        ]
        both, union, guess, truth = (c.sum(dim=0) for c in per_image)
        if not truth.any():
            raise ValueError(
                f'there is nothing to score: no pixel of {len(results)} '
                'images is labelled with a class. Check the labels, and '
                'reduce_zero_label of the dataset'
            )
        scores = self._class_scores(both, union, guess, truth)
        overall = scores.pop('aAcc')
        seen = self._seen_marks()
        summary = open_vocab_means(scores['IoU'], seen)
        summary['aAcc'] = float(overall)
        for name in list(scores)[1:]:
            summary[f'm{name}'] = mean_of_valid(scores[name])
        classes = [
            {
                'name': name,
                'seen': None if seen is None else seen[i],
                **{key: float(column[i]) for key, column in scores.items()},
                'pixels': int(truth[i]),
                'predicted_pixels': int(guess[i]),
                'images': int((per_image[3][:, i] > 0).sum()),
            }
            for i, name in enumerate(self.dataset_meta['classes'])
        ]
        logger = MMLogger.get_current_instance()
        logger.info('\n' + score_table(classes, summary, list(scores)))
        self._write(classes, summary, len(results), logger)
        return summary

    def _class_scores(
        self, both: Tensor, union: Tensor, guess: Tensor, truth: Tensor
    ) -> dict[str, np.ndarray]:
        """Scores in percent by name, (T,) each; 'aAcc' is one number."""
        counts = (c.double() for c in (both, union, guess, truth))
        fractions = self.total_area_to_metrics(*counts, self.metrics)
        scores = {key: 100 * value for key, value in fractions.items()}
        absent = truth.numpy() == 0
        for key in scores.keys() - {'aAcc'}:
            scores[key][absent] = np.nan
            if self.nan_to_num is not None:
                scores[key] = np.nan_to_num(scores[key], nan=self.nan_to_num)
        return scores

    def _seen_marks(self) -> list[bool] | None:
        """Seen mark per class, (T,); None where they are not known."""
        classes = self.dataset_meta['classes']
        meta = self.dataset_meta.get('seen_classes')
        given = self.seen_classes
        if meta is None and given is None:
            return None
        if given is not None:
            unknown = [name for name in given if name not in classes]
            if unknown:
                raise ValueError(
                    f'seen_classes names {unknown}, which the dataset does '
                    f'not have; its classes are {list(classes)}'
                )
            if meta is not None and {*meta} & {*classes} != {*given}:
                raise ValueError(
                    f'the metric was given seen_classes={list(given)}, the '
                    f'dataset says {list(meta)}; give them once, in the '
                    'metainfo of the dataset'
                )
        seen = {*((given or ()) if meta is None else meta)}
        return [name in seen for name in classes]

    def _write(
        self,
        classes: list[dict[str, Any]],
        summary: dict[str, float],
        images: int,
        logger: MMLogger,
    ) -> None:
        target = self.result_file or self.default_result_file
        if target is None:
            return
        meta = self.dataset_meta
        record = {
            'summary': summary,
            'classes': classes,
            'images': images,
            'ignore_index': self.ignore_index,
            'nan_to_num': self.nan_to_num,
            'vocabulary': Vocabulary.from_metainfo(meta).to_dict(),
            'protocol': self.protocol,
        }
        write_result(target, record)
        logger.info(f'The scores are in {target}')
