# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Gives the metric the protocol of a score, for the result file."""

import subprocess
import time
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from mmseg.registry import HOOKS

from aeroseg.models.segmentors import unwrapped
from aeroseg.version import __version__

from .open_vocab_iou_metric import OpenVocabIoUMetric
from .run_identity import (
    changed_options,
    dataset_settings,
    describe_training,
)


@HOOKS.register_module()
class ProtocolHook(Hook):
    """Gives every :class:`OpenVocabIoUMetric` its protocol and its file.

    The protocol says which dataset, split and image size, which inference
    mode, which prompts, which checkpoint, seed, config and commit; of the
    training its options, processes, batch, number of trained parameters and
    CPU time, which the checkpoint carries; and the seconds per image of the
    test, in which loading the images is not counted. The CPU time is that of
    the main process, without the workers that load the data.
    The result of a test goes to ``<work_dir>/<time>/test_<checkpoint>.json``,
    that of a validation to ``<work_dir>/<time>/val_iter_<n>.json``, next to
    the log.
    """

    def __init__(self) -> None:
        self._trains = False
        self._training: dict[str, Any] | None = None
        self._cpu_start = 0.0
        self._protocol: dict[str, Any] = {}
        self._seconds = self._images = 0.0
        self._batch_start = 0.0

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Let the checkpoint say how it was trained."""
        if not self._trains:
            return
        training = plain(describe_training(runner))
        seconds = time.process_time() - self._cpu_start
        training['cpu_seconds'] = round(seconds, 1)
        checkpoint.setdefault('meta', {})['training'] = training

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Keep what the checkpoint says about its training."""
        del runner
        self._training = (checkpoint.get('meta') or {}).get('training')

    def before_train(self, runner: Runner) -> None:
        """Note that this run trains, and what was used before it resumed."""
        self._trains = True
        before = self._training if runner._resume else None
        earlier = (before or {}).get('cpu_seconds', 0.0)
        self._cpu_start = time.process_time() - earlier

    def before_val(self, runner: Runner) -> None:
        """Describe the validation that begins."""
        done = self._iterations(runner)
        name = 'val' if done is None else f'val_iter_{done}'
        self._describe(runner, runner.val_loop, name)

    def before_test(self, runner: Runner) -> None:
        """Describe the test that begins."""
        weights = runner.cfg.get('load_from')
        stem = Path(weights).stem if weights else 'untrained'
        self._describe(runner, runner.test_loop, f'test_{stem}')
        self._seconds = self._images = 0.0

    def before_test_iter(self, *_: Any, **__: Any) -> None:
        """The batch is loaded; the clock starts."""
        self._batch_start = time.perf_counter()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Count the time of the batch."""
        del runner, batch_idx, data_batch
        self._seconds += time.perf_counter() - self._batch_start
        self._images += len(outputs or ())
        if self._images:
            mean = self._seconds / self._images
            self._protocol['seconds_per_image'] = round(mean, 4)

    def _describe(self, runner: Runner, loop: BaseLoop, name: str) -> None:
        protocol = {
            'phase': name.split('_')[0],
            **describe(runner, loop, self._iterations(runner)),
            'training': self._training,
        }
        self._protocol = protocol
        for metric in loop.evaluator.metrics:
            if isinstance(metric, OpenVocabIoUMetric):
                metric.protocol = protocol
                target = Path(runner.log_dir) / f'{name}.json'
                metric.default_result_file = str(target)

    def _iterations(self, runner: Runner) -> int | None:
        """Steps trained in this run; None if it does not train.

        ``runner.iter`` would build the training loop of a run without
        training, with its data and workers, and give the visualizer the
        training classes.
        """
        return runner.iter if self._trains else None


def describe(
    runner: Runner, loop: BaseLoop, iterations: int | None
) -> dict[str, Any]:
    """Everything that can change the scores of a run.

    Args:
        runner (Runner): The run.
        loop (BaseLoop): Its validation or test loop.
        iterations (int | None): Steps trained in this run; None if it does
            not train.

    Returns:
        dict: Plain values: 'dataset', 'model', 'run' and 'code'; 'cross' is
        None except in a cross-dataset test.
    """
    model = unwrapped(runner.model)
    dataset = loop.dataloader.dataset
    text = getattr(model, 'text_encoder', None)
    return plain(
        {
            'dataset': {
                'type': type(dataset).__name__,
                'data_root': getattr(dataset, 'data_root', None),
                'data_prefix': getattr(dataset, 'data_prefix', None),
                'ann_file': getattr(dataset, 'ann_file', None),
                'images': len(dataset),
                'settings': dataset_settings(
                    getattr(dataset, 'data_root', None)
                ),
                'pipeline': _pipeline(dataset),
            },
            # Words, classes and switches of a cross-dataset protocol.
            'cross': getattr(dataset, 'cross', None),
            'model': {
                'type': type(model).__name__,
                'test_cfg': getattr(model, 'test_cfg', None),
                'templates': getattr(text, 'templates', None),
            },
            'run': {
                'config': runner.cfg.filename,
                'experiment': runner.experiment_name,
                'checkpoint': runner.cfg.get('load_from'),
                'iteration': iterations,
                'seed': runner.seed,
                'processes': runner.world_size,
                'options': changed_options(runner.cfg),
            },
            'code': {
                'aeroseg': __version__,
                'commit': code_commit(),
            },
        }
    )


def code_commit() -> str | None:
    """Commit of the checkout that holds this package; None without one."""
    folder = Path(__file__).resolve().parent
    try:
        found = subprocess.run(
            ['git', 'rev-parse', 'HEAD'],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def plain(value: Any) -> Any:
    """Values as JSON can hold them; others become text.

    Args:
        value (Any): Nested mappings, sequences and scalars.
    """
    if isinstance(value, (Config, ConfigDict)):
        value = value.to_dict()
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _pipeline(dataset: Any) -> list[str]:
    transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return [' '.join(repr(transform).split()) for transform in transforms]
