# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aeroseg.apis import Tiling
from aeroseg.mapping.job.memory import (
    peak_memory,
    readable,
    scene_memory,
)
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.windows.lanes import make_lanes
from aeroseg.mapping.windows.scan import Scan

Write = Callable[..., Path]


def _needed(write: Write, shape: tuple[int, int], **options: Any) -> int:
    scene = np.zeros((*shape, 3), np.uint8)
    source = RasterSource(write(scene, compress='deflate'), **options)
    tiling = Tiling(64, 16)
    lane = make_lanes(source, tiling)[0]
    scan = Scan(None, source, tiling, 3, lane=lane)
    return scene_memory(scan, source, True)


def test_height_does_not_matter_and_width_does(write_scene: Write) -> None:
    low = _needed(write_scene, (100, 700))
    assert _needed(write_scene, (5000, 700)) == low
    assert _needed(write_scene, (100, 4000)) > low


def test_very_wide_scenes_need_no_more_than_a_lane(write_scene: Write) -> None:
    wide = _needed(write_scene, (100, 8192))
    assert _needed(write_scene, (100, 16384)) == pytest.approx(wide, 1e-3)


def test_resampling_counts(write_scene: Write) -> None:
    usual = _needed(write_scene, (700, 700))
    assert _needed(write_scene, (700, 700), scale=2.0) > usual


def test_polygons_count(write_scene: Write) -> None:
    source = RasterSource(write_scene(np.zeros((99, 99, 3), np.uint8)))
    scan = Scan(None, source, Tiling(64, 16), 3)
    without = scene_memory(scan, source, keep_scores=False)
    polygons = scene_memory(scan, source, False, trace_polygons=True)
    assert polygons > without


def test_this_process_holds_something() -> None:
    before = peak_memory()
    assert before > 2**20
    block = np.ones(2**27, np.uint8)
    assert peak_memory() >= before
    assert block[-1] == 1


def test_bytes_are_readable() -> None:
    assert readable(10) == '10 B'
    assert readable(3 * 2**20) == '3 MiB'
    assert readable(1.5 * 2**30) == '1.50 GiB'
