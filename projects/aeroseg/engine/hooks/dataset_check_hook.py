# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Checks a sample of the data before training starts."""

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from aeroseg.datasets import OpenVocabDataset
from aeroseg.datasets.checking import DatasetCheck, has_labels


@HOOKS.register_module()
class DatasetCheckHook(Hook):
    """Reads some training and validation pairs and stops on a fault.

    A fast form of ``tools/check_dataset.py``: it finds faults that all
    labels of a dataset share (the palette fault, shifted ids, wrong sizes) in
    about a second, not single bad files. Warnings go to the log.

    Args:
        sample (int): Pairs to read of each split; 0 turns the check off
            (``--cfg-options custom_hooks.N.sample=0``). Default: 32.

    Raises:
        ValueError: If `sample` is negative; at the start of training, if
            the data have a fault.
    """

    priority = 'VERY_HIGH'

    def __init__(self, sample: int = 32) -> None:
        if sample < 0:
            raise ValueError(f'sample={sample}; give 0 (off) or more')
        self.sample = sample

    def before_train(self, runner: Runner) -> None:
        """Check the datasets of training and validation."""
        if not self.sample:
            return
        loaders = {'train': runner.train_dataloader}
        if runner.val_loop is not None:
            loaders['val'] = runner.val_dataloader
        check = DatasetCheck(
            {
                split if i == 0 else f'{split} {i}': dataset
                for split, loader in loaders.items()
                for i, dataset in enumerate(_datasets(loader.dataset))
            },
            self.sample,
        )
        if not len(check):
            return
        for _ in check.run():
            pass
        findings = check.findings()
        errors = [str(f) for f in findings if f.level == 'error']
        if errors:
            raise ValueError(
                'the data have faults; tools/check_dataset.py checks all '
                'files:\n- ' + '\n- '.join(errors)
            )
        for finding in findings:
            if finding.level == 'warning':
                runner.logger.warning(str(finding))
        runner.logger.info(f'Data check: {len(check)} pairs read, no faults.')


def _datasets(dataset: Any) -> Iterator[OpenVocabDataset]:
    """The datasets of files inside mmengine's wrappers."""
    if isinstance(dataset, OpenVocabDataset) and has_labels(dataset):
        yield dataset
    for inner in getattr(
        dataset, 'datasets', [getattr(dataset, 'dataset', 0)]
    ):
        if inner:
            yield from _datasets(inner)
