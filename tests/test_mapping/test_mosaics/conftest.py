# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Rasters that overlap."""

from collections.abc import Callable
from pathlib import Path

import pytest
from data.rasters import at, values

Write = Callable[..., Path]


@pytest.fixture
def pair(write_scene: Write) -> list[Path]:
    """Two rasters that overlap; the first lacks data in a corner."""
    first = values(1)
    first[70:, 60:] = 0
    one = write_scene(first, 'one.tif', nodata=0)
    two = write_scene(values(2), 'two.tif', transform=at(50, 40))
    return [one, two]
