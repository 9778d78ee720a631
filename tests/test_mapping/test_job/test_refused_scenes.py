# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes and folders that predict_scene refuses, and what it leaves."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rasterio.transform import from_origin

from aeroseg.apis import LabelScheme, Tiling
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions

Write = Callable[..., Path]
OPTIONS = SceneOptions(
    Tiling(64, 16, margin=4), scores=True, polygons='gpkg', progress=False
)


def test_truncated_scene_leaves_nothing_behind(
    model: Any, pixels: np.ndarray, write_scene: Write, scheme: LabelScheme,
    tmp_path: Path,
) -> None:  # fmt: skip
    path = write_scene(np.tile(pixels, (8, 1, 1)), compress='deflate')
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ValueError, match='damaged or truncated'):
        predict_scene(model, path, tmp_path / 'out', scheme, OPTIONS)
    assert not (tmp_path / 'out').exists()


def test_unwritable_or_full_folder(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = write_scene(pixels)
    blocked = tmp_path / 'file'
    blocked.write_text('not a folder')
    with pytest.raises(ValueError, match='cannot write to'):
        predict_scene(model, path, blocked / 'out', scheme, OPTIONS)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(ValueError, match='1000 B of free space'):
        predict_scene(model, path, tmp_path / 'out', scheme, OPTIONS)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('overwrite', [False, True])
def test_the_scene_is_never_overwritten(
    model: Any, pixels: np.ndarray, write_scene: Write, scheme: LabelScheme,
    tmp_path: Path, overwrite: bool,
) -> None:  # fmt: skip
    out = tmp_path / 'out'
    predict_scene(model, write_scene(pixels), out, scheme, OPTIONS)
    link = tmp_path / 'link.tif'
    link.symlink_to(out / 'labels.tif')
    before = link.read_bytes()
    options = replace(OPTIONS, overwrite=overwrite, bands=(1, 1, 1))
    for path in (link, out / 'labels.tif'):
        with pytest.raises(ValueError, match='belongs to the scene'):
            predict_scene(model, path, out, scheme, options)
    assert link.read_bytes() == before


def test_rows_before_a_score_that_is_not_finite_are_kept(
    model: Any, pixels: np.ndarray, write_scene: Write, scheme: LabelScheme,
    tmp_path: Path,
) -> None:  # fmt: skip
    class Breaks:
        calls = 0

        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            scores = model.predict_scores(images)
            return scores if self.calls < 6 else scores * float('nan')

    path, out = write_scene(np.tile(pixels, (3, 1, 1))), tmp_path / 'out'
    with pytest.raises(ValueError, match='nan or infinity'):
        predict_scene(Breaks(), path, out, scheme, OPTIONS)
    assert list((out / '.aeroseg').glob('0*.npz'))
    predict_scene(model, path, out, scheme, OPTIONS)
    assert not (out / '.aeroseg').exists()


def test_geojson_of_a_scene_without_a_place_is_refused_first(
    model: Any, pixels: np.ndarray, write_scene: Write, scheme: LabelScheme,
    tmp_path: Path,
) -> None:  # fmt: skip
    place = from_origin(0, 120, 1, 1)
    path = write_scene(pixels, crs='EPSG:4326', transform=place)
    options = replace(OPTIONS, polygons='geojson')
    with pytest.raises(ValueError, match='longitude and latitude everywhere'):
        predict_scene(model, path, tmp_path / 'out', scheme, options)
    assert model.calls == 0
