# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Steps of a runner inside the accelerator's context."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aeroseg.engine import AccelerationHook

PLAIN = F.linear


class Model(nn.Module):
    """Tells whether linear layers are replaced during a step."""

    def train_step(self, number: int, fails: bool = False) -> tuple[int, bool]:
        if fails:
            raise RuntimeError('no memory')
        return number, F.linear is not PLAIN

    val_step = test_step = train_step


@pytest.fixture(autouse=True)
def _avx512(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.backends.cpu, 'get_cpu_capability', lambda: 'AVX512'
    )


@pytest.mark.parametrize('step', ['train_step', 'val_step', 'test_step'])
def test_every_step_is_accelerated(step: str) -> None:
    model = Model()
    for _ in range(2):  # training, then a test with the same runner
        AccelerationHook().before_run(SimpleNamespace(model=model, cfg={}))
    assert getattr(model, step)(7) == (7, True)
    assert F.linear is PLAIN


def test_nothing_is_left_behind_by_an_error() -> None:
    model = Model()
    AccelerationHook().before_run(SimpleNamespace(model=model, cfg={}))
    with pytest.raises(RuntimeError, match='no memory'):
        model.train_step(1, fails=True)
    assert F.linear is PLAIN


def test_is_off_where_the_config_says_so() -> None:
    model = Model()
    config = {'accelerate': False}
    AccelerationHook().before_run(SimpleNamespace(model=model, cfg=config))
    assert model.train_step(7) == (7, False)
