# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in what tools/predict.py is given."""

from pathlib import Path

from .fault import Fault

TOOL = 'tools/predict.py'
GOOD = ('--checkpoint', 'model/tiny.pth', '--classes', 'road; tree')


def predict(*words: str) -> tuple[str, ...]:
    """The command line of a good run, with changes."""
    return ('scene.tif', *GOOD, '--out', 'out', *words)


def nothing(folder: Path) -> None:
    """The fault is in the command line."""


CASES = [
    Fault('no such scene', TOOL, ('no.tif', *GOOD, '--out', 'out'), nothing,
          r'no file no\.tif'),
    Fault('stretch is not a number', TOOL, predict('--stretch', 'nan,nan'),
          nothing, 'stretch'),
    Fault('window is negative', TOOL, predict('--window', '-5'), nothing,
          'window -5'),
]  # fmt: skip
