# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What is trained is said."""

import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from aeroseg.engine import TrainableHook
from aeroseg.models import AerOSeg


def test_frozen_parts_show_as_such(
    build_tiny: Callable[..., AerOSeg], caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger('trainable-test')
    with caplog.at_level(logging.INFO):
        TrainableHook().before_train(
            SimpleNamespace(model=build_tiny(), logger=logger)
        )
    assert 'guidance_encoder: 0.20 M parameters, 0.00 M trained' in caplog.text
    assert 'neck: 0.11 M parameters, 0.11 M trained' in caplog.text
