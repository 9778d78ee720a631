# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Stops a training whose state is of no use."""

import math
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor


@HOOKS.register_module()
class TrainingStateHook(Hook):
    """Checks what a run resumes from, and the loss of every step.

    mmengine logs a loss that is not finite and trains on; every checkpoint
    from there on would be worthless. It reads the loss of every step anyway,
    so this costs nothing.
    """

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: Mapping[str, Any]
    ) -> None:
        """Refuse weights alone where a training has to be resumed.

        Raises:
            ValueError: If the state of the training is missing.
        """
        if not runner._resume:
            return
        meta = checkpoint.get('meta') or {}
        missing = [key for key in ('epoch', 'iter') if key not in meta]
        missing += [key for key in ('optimizer',) if key not in checkpoint]
        if missing:
            raise ValueError(
                f'{runner._load_from} cannot be resumed from: it holds '
                f'weights, but not the state of a training ({missing[0]} is '
                'missing). To start from its weights: --cfg-options '
                f'load_from={runner._load_from}'
            )

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Tensor | float] | None = None,
    ) -> None:
        """Stop at a loss that is not finite, before anything is saved.

        Raises:
            ValueError: If the training has diverged.
        """
        bad = [
            name
            for name, value in (outputs or {}).items()
            if name.startswith('loss') and not math.isfinite(_number(value))
        ]
        if bad:
            raise ValueError(
                f'the training has diverged: {", ".join(bad)} is not finite '
                f'in iteration {runner.iter + 1}. Checkpoints up to there are '
                'kept. Lower optim_wrapper.optimizer.lr, or set '
                'optim_wrapper.clip_grad.max_norm'
            )


def _number(value: Tensor | float) -> float:
    return value.item() if isinstance(value, Tensor) else float(value)
