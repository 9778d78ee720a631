# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Fast linear layers on the CPU for training, validation and test."""

import functools
from collections.abc import Callable
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from aeroseg.acceleration import accelerated

_STEPS = ('train_step', 'val_step', 'test_step')


@HOOKS.register_module()
class AccelerationHook(Hook):
    """Runs every step of a model with fast linear layers on the CPU.

    See :mod:`aeroseg.acceleration`. It works with any model, mmseg's own
    closed-set ones as well. The field ``accelerate = False`` of a config
    (``--cfg-options accelerate=False``) turns it off.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Wrap the steps of the model, once."""
        model = runner.model
        if not runner.cfg.get('accelerate', True):
            return
        for name in _STEPS:
            step = getattr(model, name, None)
            if step is not None and not hasattr(step, 'accelerated'):
                setattr(model, name, _accelerate(step))


def _accelerate(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step that runs inside the accelerator's context."""

    @functools.wraps(step)
    def run(*args: Any, **kwargs: Any) -> Any:
        with accelerated():
            return step(*args, **kwargs)

    run.accelerated = True  # type: ignore[attr-defined]
    return run
