# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Configs for tests that ask many questions of each."""

import copy
from functools import cache
from pathlib import Path

from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]


def read_once(path: str | Path) -> Config:
    """A config of the checkout; change it at will.

    Args:
        path (str | Path): Below the checkout, or absolute. The file is read
            once in a process, since that takes a fifth of a second.
    """
    return copy.deepcopy(_read(ROOT / path))


_read = cache(Config.fromfile)
