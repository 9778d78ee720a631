# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Makes the full report when a test has ended."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from aeroseg.models.segmentors import OpenVocabSegmentor, unwrapped

from .extra_passes import PASSES, check_passes, run_passes
from .full_report_metric import FullReportMetric
from .image_counts import COUNTS_FILE
from .report_record import report_record, report_text, write_record


@HOOKS.register_module()
class FullReportHook(Hook):
    """Intervals, calibration, average precision and passes of a test.

    Needs a :class:`FullReportMetric` in ``test_evaluator``;
    ``tools/test.py --report full`` adds both. The folder
    ``<work_dir>/<time>/report_<checkpoint>`` gets ``report.json``,
    ``image_counts.npz`` (:class:`ImageCounts`) and pictures.

    Args:
        passes (Sequence[str]): Further passes over the test data, see
            :func:`run_passes`: 'wordings', 'distractors', 'background'.
        pass_images (int, optional): Images of these passes, from the first.
        wordings (str, optional): File of words for 'wordings', a line per
            class: its name, then further words.
        folder (str, optional): Where the report goes instead.

    Raises:
        ValueError: If a pass is unknown or, before the test, if the model
            takes no words or the wordings do not fit the classes.
    """

    def __init__(
        self,
        passes: Sequence[str] = (),
        pass_images: int | None = None,
        wordings: str | None = None,
        folder: str | None = None,
    ) -> None:
        unknown = sorted({*passes} - {*PASSES})
        if unknown:
            raise ValueError(f'passes {unknown}; allowed are {list(PASSES)}')
        self.passes = tuple(passes)
        self.pass_images = pass_images
        self.wordings = wordings
        self.folder = folder

    def before_test(self, runner: Runner) -> None:
        """Tell the metric how the model's logits become probabilities."""
        model = unwrapped(runner.model)
        check_passes(self.passes, model, self.wordings)
        metric = _metric(runner)
        metric.to_probability = probability_of(model)
        metric.images = len(runner.test_dataloader.dataset)

    def after_test(self, runner: Runner) -> None:
        """Run the passes and write the report."""
        metric = _metric(runner)
        found = run_passes(
            self.passes, runner, metric, self.pass_images, self.wordings
        )
        if not is_main_process() or metric.counts is None:
            return
        # matplotlib takes half a second to load; other tools need none of it.
        from .figures import draw_figures

        weights = runner.cfg.get('load_from')
        stem = Path(weights).stem if weights else 'untrained'
        default = Path(runner.log_dir) / f'report_{stem}'
        folder = Path(self.folder or default)
        record = report_record(metric.counts, metric.histograms, found)
        metric.counts.write(folder / COUNTS_FILE)
        draw_figures(record, folder)
        write_record(record, folder)
        runner.logger.info(f'\n{report_text(record)}')
        runner.logger.info(f'The full report is in {folder}')


def probability_of(model: Any) -> Callable[[Tensor], Tensor]:
    """How ``seg_logits`` of a result become probabilities.

    Args:
        model (BaseSegmentor): Open-vocabulary systems know themselves;
            mmseg's models were trained with a softmax.
    """
    if isinstance(model, OpenVocabSegmentor):
        return model.result_probability
    return lambda logits: logits.float().softmax(dim=0)


def _metric(runner: Runner) -> FullReportMetric:
    for metric in runner.test_loop.evaluator.metrics:
        if isinstance(metric, FullReportMetric):
            return metric
    raise ValueError(
        'FullReportHook needs a metric of type FullReportMetric in '
        'test_evaluator; use tools/test.py --report full'
    )
