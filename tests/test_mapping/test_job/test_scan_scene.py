# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aeroseg.apis import LabelScheme, Tiling
from aeroseg.mapping.block import Block
from aeroseg.mapping.job.scan_scene import scan_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.job.work_folder import WorkFolder
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.stopwatch import Stopwatch


def test_rows_are_kept_and_the_rest_is_predicted_later(
    model: Any,
    pixels: np.ndarray,
    write_scene: Callable[..., Path],
    scheme: LabelScheme,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_scene(pixels)
    options = SceneOptions(Tiling(64, 16), scores=True, progress=False)

    def scan(work: WorkFolder) -> None:
        source = RasterSource(path)
        scan_scene(model, source, scheme, options, work, Stopwatch())

    work = WorkFolder(tmp_path / 'w', {})
    scan(work)
    lane = [Block(0, 110, 0, 150)]
    assert work.missing(lane) == []
    last = sorted(work.folder.glob('*.npz'))[-1]
    before = last.read_bytes()
    calls = model.calls
    scan(work)
    assert model.calls == calls
    last.unlink()
    with caplog.at_level(logging.INFO, 'aeroseg'):
        scan(work)
    block, labels, scores = list(work.pieces())[-1]
    assert f'resuming at rows {block.top} to 150' in caplog.text
    assert f'{100 - block.top / 1.5:.1f} % of the scene' in caplog.text
    assert last.read_bytes() == before
    assert labels.shape == (150 - block.top, 110)
    assert scores is not None
    assert (scores.argmax(axis=0) == labels).mean() > 0.95
