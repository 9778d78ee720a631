# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import csv
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from rasterio.transform import from_origin

from aeroseg.apis import LabelScheme, Tiling
from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scan_scene import scan_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.vocabulary import Vocabulary

Write = Callable[..., Path]
OPTIONS = SceneOptions(
    Tiling(64, 16, margin=4), scores=True, polygons='gpkg', progress=False
)


def test_labels_scores_and_areas_are_those_of_the_whole(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    pixels = np.maximum(pixels, 1)
    pixels[:, :20] = 0
    path = write_scene(pixels, nodata=0)
    result = predict_scene(model, path, tmp_path / 'out', scheme, OPTIONS)
    whole = model.whole(pixels)
    expected = whole.argmax(dim=0).numpy()
    with rasterio.open(result.files['labels']) as data:
        labels = data.read(1)
        assert data.shape == (150, 110)
    assert (labels[:, :20] == 255).all()
    # Next to missing data windows are filled, so compare at a distance.
    assert (labels[:, 24:] == expected[:, 24:]).mean() > 0.9999
    with rasterio.open(result.files['scores']) as data:
        scores = data.read() * data.scales[0]
        assert (data.read(1)[:, :20] == 255).all()
    difference = np.abs(scores - whole.numpy())[:, :, 24:]
    assert difference.max() <= 0.5 / 254 + 1e-5
    with result.files['classes'].open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row['pixels']) for row in rows) == 150 * 90
    for row in rows:
        hectares = int(row['pixels']) * 0.25 / 10_000
        assert float(row['hectares']) == pytest.approx(hectares, abs=1e-4)


def test_the_folder_holds_what_is_promised(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    out = tmp_path / 'a' / 'out'
    result = predict_scene(model, write_scene(pixels), out, scheme, OPTIONS)
    assert sorted(path.name for path in out.iterdir()) == [
        'classes.csv',
        'labels.qml',
        'labels.tif',
        'polygons.gpkg',
        'preview.png',
        'report.json',
        'scores.tif',
    ]
    assert set(result.files) == {
        'labels', 'style', 'classes', 'preview', 'scores', 'polygons'
    }  # fmt: skip


def test_ordinary_images_work_and_say_what_is_missing(
    model: Any, pixels: np.ndarray, scheme: LabelScheme, tmp_path: Path
) -> None:
    path = tmp_path / 'photo.png'
    Image.fromarray(pixels).save(path)
    out = tmp_path / 'out'
    result = predict_scene(model, path, out, scheme, OPTIONS)
    assert 'not georeferenced' in result.notes[0]
    assert [area.hectares for area in result.areas] == [None] * 3
    with rasterio.open(result.files['labels']) as data:
        assert data.crs is None


@pytest.mark.parametrize('size', [(5, 5), (300, 3), (2, 150), (64, 65)])
def test_any_size(
    model: Any,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
    size: tuple[int, int],
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    path = write_scene(image)
    result = predict_scene(model, path, tmp_path / 'out', scheme, OPTIONS)
    with rasterio.open(result.files['labels']) as data:
        found = data.read(1)
    expected = model.whole(image).argmax(dim=0).numpy()
    assert (found == expected).mean() > 0.999


def test_scene_without_any_data(
    model: Any, write_scene: Write, scheme: LabelScheme, tmp_path: Path
) -> None:
    path = write_scene(np.zeros((70, 70, 3), np.uint8), nodata=0)
    result = predict_scene(model, path, tmp_path / 'out', scheme, OPTIONS)
    assert [area.pixels for area in result.areas] == [0, 0, 0]


def test_gsd_predicts_coarsely_and_writes_finely(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    options = SceneOptions(Tiling(64, 16), gsd=1.5, progress=False)
    fine = np.repeat(np.repeat(pixels, 3, axis=0), 3, axis=1)
    path = write_scene(fine)
    result = predict_scene(model, path, tmp_path / 'out', scheme, options)
    with rasterio.open(result.files['labels']) as data:
        labels = data.read(1)
        assert data.res == (0.5, 0.5)
    scores = torch.nn.functional.interpolate(
        model.whole(pixels)[None], fine.shape[:2], mode='bilinear'
    )[0]
    assert (labels == scores.argmax(dim=0).numpy()).mean() > 0.99


def test_more_than_255_classes(
    pixels: np.ndarray, write_scene: Write, tmp_path: Path
) -> None:
    class Many:
        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            values = torch.arange(300)[:, None, None] / 300
            return 1 - (images.mean(1, keepdim=True) / 255 - values).abs()

    scheme = LabelScheme(Vocabulary(tuple(f'class {i}' for i in range(300))))
    options = SceneOptions(Tiling(64, 16), progress=False)
    path = write_scene(pixels)
    result = predict_scene(Many(), path, tmp_path / 'out', scheme, options)
    with rasterio.open(result.files['labels']) as data:
        assert data.dtypes == ('uint16',)
        expected = np.rint(pixels.mean(axis=2) / 255 * 300)
        assert np.abs(data.read(1) - expected).max() <= 1


def test_a_finished_job_is_repeated_only_with_overwrite(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path, out = write_scene(pixels), tmp_path / 'out'
    first = predict_scene(model, path, out, scheme, OPTIONS)
    calls = model.calls
    with caplog.at_level(logging.INFO, 'aeroseg'):
        again = predict_scene(model, path, out, scheme, OPTIONS)
    assert model.calls == calls
    assert again == first
    assert 'already complete' in caplog.text
    first.files['labels'].unlink()
    predict_scene(model, path, out, scheme, OPTIONS)
    assert first.files['labels'].is_file()
    calls = model.calls
    anew = replace(OPTIONS, overwrite=True)
    assert predict_scene(model, path, out, scheme, anew) == first
    assert model.calls > calls


def test_results_of_another_job_are_kept_without_overwrite(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    path, out = write_scene(pixels), tmp_path / 'out'
    predict_scene(model, path, out, scheme, OPTIONS)
    other = LabelScheme(Vocabulary(('car', 'ship', 'plane')))
    with pytest.raises(ValueError, match='results of another run'):
        predict_scene(model, path, out, other, OPTIONS)
    plain = SceneOptions(Tiling(64, 16), overwrite=True, progress=False)
    predict_scene(model, path, out, other, plain)
    assert 'car' in (out / 'classes.csv').read_text()
    assert not (out / 'scores.tif').exists()


def test_interrupted_run_resumes_with_the_same_bytes(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_scene(np.tile(pixels, (3, 1, 1)))
    predict_scene(model, path, tmp_path / 'whole', scheme, OPTIONS)
    total = model.calls

    class Stops:
        def __init__(self, after: int) -> None:
            self.after = after

        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            self.after -= 1
            if self.after < 0:
                raise KeyboardInterrupt
            return model.predict_scores(images)

    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        predict_scene(Stops(6), path, out, scheme, OPTIONS)
    assert [p.name for p in out.iterdir()] == ['.aeroseg']
    model.calls = 0
    with caplog.at_level(logging.INFO, 'aeroseg'):
        predict_scene(model, path, out, scheme, OPTIONS)
    assert 'resuming at row' in caplog.text
    assert model.calls < total
    for name in (
        *('labels.tif', 'scores.tif', 'classes.csv', 'preview.png'),
        'polygons.gpkg',
    ):
        assert (out / name).read_bytes() == (
            tmp_path / 'whole' / name
        ).read_bytes()


class CountsBatches:
    """Scores that depend on the batch; `limit` images fit into memory.

    Args:
        fits (int): Windows that are predicted before memory becomes short.
        stop (int): Windows after which the run is interrupted.
    """

    def __init__(self, fits: int, stop: int = 10**9) -> None:
        self.fits, self.stop = fits, stop
        self.done = 0

    def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
        if self.done >= self.fits and len(images) > 2:
            raise MemoryError
        if self.done >= self.stop:
            raise KeyboardInterrupt
        self.done += len(images)
        share = 0.1 * len(images)
        return torch.cat(
            [images / 512, torch.full_like(images[:, :1], share)], dim=1
        )


@pytest.mark.parametrize('stop', range(31, 74, 6))
def test_resumed_runs_use_the_batches_of_an_uninterrupted_one(
    pixels: np.ndarray, write_scene: Write, tmp_path: Path, stop: int
) -> None:
    scheme = LabelScheme(Vocabulary(('a', 'b', 'c', 'd')))
    path = write_scene(np.tile(pixels, (3, 3, 1)))
    options = SceneOptions(
        Tiling(64, 16, batch=4), scores=True, progress=False
    )
    whole, out = tmp_path / 'whole', tmp_path / 'out'
    # Memory runs out in the fourth strip; before the next run it is freed.
    predict_scene(CountsBatches(30), path, whole, scheme, options)
    with pytest.raises(KeyboardInterrupt):
        predict_scene(CountsBatches(30, stop), path, out, scheme, options)
    assert (out / '.aeroseg' / 'batches.json').is_file()
    predict_scene(CountsBatches(10**9), path, out, scheme, options)
    for name in ('labels.tif', 'scores.tif'):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_rows_of_another_model_are_not_mixed(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    class Stops:
        calls = 0

        def predict_scores(self, images: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if self.calls > 3:
                raise KeyboardInterrupt
            return images / 255

    path, out = write_scene(np.tile(pixels, (3, 1, 1))), tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        predict_scene(Stops(), path, out, scheme, OPTIONS, 'other')
    predict_scene(model, path, out, scheme, OPTIONS, 'this')
    predict_scene(model, path, tmp_path / 'new', scheme, OPTIONS, 'this')
    labels = (out / 'labels.tif').read_bytes()
    assert labels == (tmp_path / 'new' / 'labels.tif').read_bytes()


def test_the_run_states_its_memory_first(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, 'aeroseg'):
        predict_scene(
            model, write_scene(pixels), tmp_path / 'out', scheme, OPTIONS
        )
    first, *_, last = caplog.messages
    assert '110 x 150 pixels, 6 windows of 64 x 64; memory about' in first
    assert 'model' in last
    assert 'writing' in last


def test_degrees_give_hectares_on_the_ellipsoid(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    place = from_origin(7.0, 60.0, 1e-5, 1e-5)
    path = write_scene(pixels, crs='EPSG:4326', transform=place)
    result = predict_scene(model, path, tmp_path / 'out', scheme, OPTIONS)
    hectares = sum(area.hectares or 0 for area in result.areas)
    pixel = 1.1141 * 0.5580  # metres at 60 degrees north
    assert hectares == pytest.approx(150 * 110 * pixel / 10_000, rel=1e-3)


def test_a_crop_is_the_map_of_a_file_cut_out(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    there = from_origin(350000 + 10 * 0.5, 5640000 - 20 * 0.5, 0.5, 0.5)
    cut = write_scene(pixels[20:110, 10:80], 'cut.tif', transform=there)
    crop = replace(OPTIONS, crop=(10, 20, 70, 90))
    scene = write_scene(pixels)
    part = predict_scene(model, scene, tmp_path / 'a', scheme, crop)
    alone = predict_scene(model, cut, tmp_path / 'b', scheme, OPTIONS)
    for kind in ('labels', 'scores', 'classes'):
        made = part.files[kind].read_bytes()
        assert made == alone.files[kind].read_bytes()


def test_a_scene_that_changes_meanwhile_is_refused_and_dropped(
    model: Any,
    pixels: np.ndarray,
    write_scene: Write,
    scheme: LabelScheme,
    tmp_path: Path,
) -> None:
    scene, out = write_scene(pixels), tmp_path / 'out'

    def scan(*given: Any) -> None:
        scan_scene(*given)
        write_scene(pixels[::-1].copy())

    with pytest.raises(ValueError, match='changed while it was mapped'):
        predict_scene(model, scene, out, scheme, OPTIONS, scan=scan)
    assert not out.exists()
    predict_scene(model, scene, out, scheme, OPTIONS)
