# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""All faults of the campaign, from the `cases_*.py` files next to this one."""

from . import (
    cases_check,
    cases_checkpoints,
    cases_converters,
    cases_maps,
    cases_models,
    cases_predict,
    cases_scenes,
    cases_training,
)
from .fault import Fault

CASES: list[Fault] = [
    *cases_predict.CASES,
    *cases_checkpoints.CASES,
    *cases_scenes.CASES,
    *cases_training.CASES,
    *cases_converters.CASES,
    *cases_check.CASES,
    *cases_models.CASES,
    *cases_maps.CASES,
]
