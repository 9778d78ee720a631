# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Logs which parts are trained."""

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from aeroseg.models.segmentors import unwrapped


@HOOKS.register_module()
class TrainableHook(Hook):
    """Logs parameters and trainable parameters of each part of the model."""

    def before_train(self, runner: Runner) -> None:
        """Write one line per part."""
        model = unwrapped(runner.model)
        lines = []
        for name, part in model.named_children():
            sizes = [(p.numel(), p.requires_grad) for p in part.parameters()]
            if sizes:
                total = sum(size for size, _ in sizes)
                trained = sum(size for size, trains in sizes if trains)
                lines.append(
                    f'{name}: {total / 1e6:.2f} M parameters, '
                    f'{trained / 1e6:.2f} M trained'
                )
        runner.logger.info('Parts of the model:\n' + '\n'.join(lines))
