# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The optimiser is mmengine's; the log is short."""

from collections.abc import Callable

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper

from aeroseg.models import AerOSeg

CONFIG = 'configs/_base_/schedules/adamw_cosine.py'


def rates(model: AerOSeg, config: Config) -> list[tuple[float, float, int]]:
    wrapper = build_optim_wrapper(model, config)
    return [
        (group['lr'], group['weight_decay'], parameter.numel())
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    ]


def test_same_groups_without_a_line_per_weight(
    build_tiny: Callable[..., AerOSeg],
    root: object,
    capsys: pytest.CaptureFixture,
) -> None:
    MMLogger.get_instance('quiet-test')
    config = Config.fromfile(f'{root}/{CONFIG}').optim_wrapper
    model = build_tiny()
    quiet = rates(model, config)
    assert 'requires_grad' not in capsys.readouterr().out
    config.constructor = 'DefaultOptimWrapperConstructor'
    assert rates(model, config) == quiet
