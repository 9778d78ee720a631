# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""All faults of the campaign, from the `cases_*.py` files next to this one."""

from . import cases_check, cases_converters, cases_predict
from .fault import Fault

CASES: list[Fault] = [
    *cases_predict.CASES,
    *cases_converters.CASES,
    *cases_check.CASES,
]
