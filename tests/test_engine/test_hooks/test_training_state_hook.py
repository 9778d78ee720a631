# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""States that no training should resume from, and losses that end one."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from aeroseg.engine.hooks import TrainingStateHook

COMPLETE = {'meta': {'epoch': 0, 'iter': 3}, 'optimizer': {}}


def runner(resume: bool = True) -> Any:
    return SimpleNamespace(_resume=resume, _load_from='a.pth', iter=6)


@pytest.mark.parametrize('missing', ['meta', 'optimizer'])
def test_weights_alone_are_not_resumed_from(missing: str) -> None:
    content = {k: v for k, v in COMPLETE.items() if k != missing}
    hook = TrainingStateHook()
    with pytest.raises(ValueError, match=r'not the state .*load_from=a\.pth'):
        hook.after_load_checkpoint(runner(), content)
    hook.after_load_checkpoint(runner(resume=False), content)
    hook.after_load_checkpoint(runner(), COMPLETE)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_loss_that_is_not_finite_ends_training(value: float) -> None:
    losses = {'loss': torch.tensor(value), 'decode.acc': torch.tensor(1.0)}
    with pytest.raises(ValueError, match=r'diverged: loss .* iteration 7'):
        TrainingStateHook().after_train_iter(runner(), 6, outputs=losses)


def test_finite_losses_and_other_figures_do_not() -> None:
    figures = {'loss': torch.tensor(1e30), 'acc': torch.tensor(float('nan'))}
    TrainingStateHook().after_train_iter(runner(), 6, outputs=figures)
