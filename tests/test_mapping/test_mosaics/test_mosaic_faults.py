# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Several rasters as one scene: rasters that are lost."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.range_server import serve
from data.rasters import LEFT, TOP, at, values
from rasterio.transform import from_origin

from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scan_scene import scan_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.mosaics.mosaic import make_mosaic
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import (
    UnreachableError,
)
from aeroseg.mapping.windows.tiling import Tiling

Write = Callable[..., Path]
OPTIONS = SceneOptions(Tiling(48, 16), progress=False)


@pytest.mark.parametrize('fault', ['gone', 'cut'])
@pytest.mark.parametrize('crs', ['EPSG:25832', 'EPSG:32631'])
def test_a_raster_that_is_lost_later_is_an_error_and_rows_stay(
    model: Any,
    scheme: LabelScheme,
    write_scene: Write,
    tmp_path: Path,
    fault: str,
    crs: str,
) -> None:
    """Never black pixels in the place of what cannot be read."""
    one = write_scene(values(1, (60, 90)), 'one.tif')
    below = from_origin(LEFT, TOP - 500, 0.5, 0.5)
    if crs != 'EPSG:25832':
        below = from_origin(771640, 5645000, 0.5, 0.5)
    pixels = np.random.default_rng(0).integers(1, 255, (200, 90, 3), np.uint8)
    two = write_scene(pixels, 'two.tif', crs=crs, transform=below)
    extra = write_scene(values(1, (60, 90)), 'x.tif')
    mosaic = make_mosaic([one, extra, two])
    content = two.read_bytes()
    if fault == 'gone':
        two.unlink()
    else:
        two.write_bytes(content[: len(content) // 2])
    with (
        RasterSource(mosaic) as source,
        pytest.raises(UnreachableError, match=r'mosaic of 3.*whole') as info,
    ):
        source.read(0, source.shape[0])
    assert 'VRTDataset' not in str(info.value)


@pytest.mark.parametrize('fault', ['gone', 'cut'])
def test_a_raster_that_is_lost_while_the_map_is_made(
    model: Any,
    scheme: LabelScheme,
    write_scene: Write,
    tmp_path: Path,
    fault: str,
) -> None:
    """Put back as it was, the same command finishes with the same bytes."""
    draws = np.random.default_rng(0)
    parts = [
        write_scene(draws.integers(1, 255, (220, 90, 3), np.uint8), 'one.tif'),
        write_scene(
            draws.integers(1, 255, (200, 90, 3), np.uint8),
            'two.tif',
            transform=at(0, 210),
        ),
    ]
    predict_scene(
        model, make_mosaic(parts), tmp_path / 'here', scheme, OPTIONS
    )
    whole, out = model.calls, tmp_path / 'out'
    lost = parts[1]
    content, changed = lost.read_bytes(), lost.stat().st_mtime_ns

    class Losing:
        """Loses the second raster at the first batch."""

        calls = 0

        def predict_scores(self, images: Any) -> Any:
            self.calls += 1
            if self.calls == 1 and fault == 'gone':
                lost.unlink()
            elif self.calls == 1:
                os.truncate(lost, 9000)
            return model.predict_scores(images)

    mosaic = make_mosaic(parts)
    with pytest.raises(UnreachableError, match=r'of 2 rasters.*is kept'):
        predict_scene(Losing(), mosaic, out, scheme, OPTIONS)
    assert [p.name for p in out.iterdir()] == ['.aeroseg']
    assert list(out.glob('.aeroseg/0*.npz'))
    lost.write_bytes(content)
    os.utime(lost, ns=(changed, changed))
    before = model.calls
    predict_scene(model, make_mosaic(parts), out, scheme, OPTIONS)
    assert 0 < model.calls - before < whole
    labels = [p / 'labels.tif' for p in (tmp_path / 'here', out)]
    assert labels[0].read_bytes() == labels[1].read_bytes()


def test_a_raster_that_is_gone_when_all_rows_are_made_is_named(
    model: Any, scheme: LabelScheme, pair: list[Path], tmp_path: Path
) -> None:
    """It cannot be told then whether it has changed meanwhile."""
    kept, out = tmp_path / 'kept.tif', tmp_path / 'out'

    def scan(*given: Any) -> None:
        scan_scene(*given)
        pair[1].rename(kept)

    mosaic = make_mosaic(pair)
    with pytest.raises(UnreachableError, match=r'two\.tif cannot be found'):
        predict_scene(model, mosaic, out, scheme, OPTIONS, '', scan)
    kept.rename(pair[1])
    calls = model.calls
    predict_scene(model, mosaic, out, scheme, OPTIONS)
    assert model.calls == calls


def test_a_raster_that_cannot_be_reached_at_the_start_is_named(
    pair: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No mosaic is made without it."""
    monkeypatch.setenv('GDAL_HTTP_RETRY_DELAY', '0.02')
    monkeypatch.setenv('CPL_VSIL_CURL_NON_CACHED', '/vsicurl/http://127')
    with serve(tmp_path) as server:
        lost = f'{server.url}/three.tif?sig=abc123'
        with pytest.raises(UnreachableError, match=r'/three\.tif ') as info:
            make_mosaic([*pair, lost])
    assert 'abc123' not in str(info.value)
