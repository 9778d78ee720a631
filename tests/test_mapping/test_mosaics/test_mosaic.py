# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Several rasters as one scene: what wins, grids, faults, the same bytes."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from data.range_server import serve
from data.rasters import at, values, whole
from data.region_models import Maker, start_engine
from rasterio.merge import merge
from rasterio.transform import Affine, from_origin

from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.mosaics.mosaic import Mosaic, make_mosaic
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import (
    RemoteScene,
    UnreachableError,
    locate,
)
from aeroseg.mapping.region.predict_share import predict_share
from aeroseg.mapping.region.scan_region import ScanByWorkers, refuse_missing
from aeroseg.mapping.windows.tiling import Tiling

Write = Callable[..., Path]
OPTIONS = SceneOptions(Tiling(48, 16), progress=False)


def test_the_first_raster_with_data_wins(pair: list[Path]) -> None:
    for order in (pair, pair[::-1]):
        image, valid = whole(make_mosaic([str(path) for path in order]))
        expected, _ = merge(order, nodata=0)
        assert image.shape == (3, 140, 140)
        assert (image == expected).all()
        assert (valid == (expected > 0).all(axis=0)).all()
    assert not valid.all()


def test_another_processs_mosaic_and_its_reduction(pair: list[Path]) -> None:
    """It is sent to workers; the model may see it shrunk."""
    mosaic = pickle.loads(pickle.dumps(make_mosaic(pair)))
    image, valid = whole(mosaic)
    with RasterSource(mosaic, scale=0.5) as source:
        small, seen = source.read(0, 70)
    cells = image.reshape(3, 70, 2, 70, 2).mean(axis=(2, 4))
    inner = valid.reshape(70, 2, 70, 2).all(axis=(1, 3))
    assert np.abs(small - cells)[:, inner].max() <= 1
    assert seen[inner].all()


@pytest.mark.parametrize('kind', ['alpha', 'mask', 'nan'])
def test_pixels_without_data_never_win(
    write_scene: Write, tmp_path: Path, kind: str
) -> None:
    hole = np.ones((100, 90), bool)
    hole[20:50, 30:60] = False
    top = values(1)
    below = values(2)
    if kind == 'alpha':
        opaque = np.where(hole, 255, 0).astype(np.uint8)
        path = write_scene(
            np.dstack([top, opaque]), 'a.tif', photometric='RGB', alpha='YES'
        )
        other = write_scene(below, 'b.tif', photometric='RGB')
    elif kind == 'mask':
        path = write_scene(top, 'a.tif')
        with rasterio.open(path, 'r+') as data:
            data.write_mask(hole)
        other = write_scene(below, 'b.tif')
    else:
        floats = np.where(hole[..., None], top, np.nan).astype(np.float32)
        path = write_scene(floats, 'a.tif')
        other = write_scene(below.astype(np.float32), 'b.tif')
    mosaic = make_mosaic([path, other])
    with RasterSource(mosaic, stretch='0,255') as source:
        image, valid = source.read(0, 100)
    expected = np.where(hole, top.transpose(2, 0, 1), below.transpose(2, 0, 1))
    assert (image == expected).all()
    assert valid.all()
    # Nothing below: the hole stays one.
    apart = write_scene(
        (below if kind != 'nan' else below.astype(np.float32)),
        'c.tif',
        transform=at(90, 0),
        **({'photometric': 'RGB'} if kind == 'alpha' else {}),
    )
    with RasterSource(make_mosaic([path, apart]), stretch='0,255') as source:
        _, valid = source.read(0, 100)
    assert (valid[:, :90] == hole).all()
    assert valid[:, 90:].all()


def test_a_mixture_is_refused(pair: list[Path], write_scene: Write) -> None:
    grey = write_scene(values(1)[..., :1], 'grey.tif')
    with pytest.raises(ValueError, match=r'one.tif has uint8 .*grey.tif has'):
        make_mosaic([pair[0], grey])
    deep = write_scene(values(1).astype(np.uint16), 'deep.tif')
    with pytest.raises(ValueError, match=r'deep.tif has uint16'):
        make_mosaic([pair[0], deep])
    nowhere = write_scene(
        values(1), 'nowhere.tif', crs=None, transform=Affine.identity()
    )
    with pytest.raises(ValueError, match=r'nowhere.tif is not georeferenced'):
        make_mosaic([pair[0], nowhere])
    with pytest.raises(ValueError, match='none are given'):
        make_mosaic([])
    with pytest.raises(FileNotFoundError, match=r'none.tif'):
        make_mosaic([pair[0], 'none.tif'])


def test_a_single_raster_stays_what_it_is(pair: list[Path]) -> None:
    assert make_mosaic([pair[0]]) == pair[0]
    assert make_mosaic(['s3://b/a.tif']) == locate('s3://b/a.tif')


def test_bands_may_be_named_from_outside(pair: list[Path]) -> None:
    turned = make_mosaic([pair[1]], colours=('blue', 'green', 'red'))
    assert (whole(turned)[0] == whole(pair[1])[0][::-1]).all()


def test_a_mosaic_has_the_same_bytes_by_workers_and_in_shares(
    model: Any, scheme: LabelScheme, pair: list[Path], tmp_path: Path
) -> None:
    mosaic = make_mosaic(pair)
    predict_scene(model, mosaic, tmp_path / 'here', scheme, OPTIONS)
    scan = ScanByWorkers(Maker(model), 2, make_engine=start_engine, threads=1)
    out = tmp_path / 'there'
    predict_scene(model, mosaic, out, scheme, OPTIONS, scan=scan)
    # And the same as the map of a file with these pixels.
    pixels, transform = merge(pair, nodata=0)
    copied = tmp_path / 'merged.tif'
    with rasterio.open(pair[0]) as data:
        profile = data.profile | {
            'width': 140,
            'height': 140,
            'transform': transform,
        }
    with rasterio.open(copied, 'w', **profile) as data:
        data.write(pixels)
    predict_scene(model, copied, tmp_path / 'copied', scheme, OPTIONS)
    for name in ('labels.tif', 'classes.csv'):
        made = (tmp_path / 'here' / name).read_bytes()
        assert made == (out / name).read_bytes()
        assert made == (tmp_path / 'copied' / name).read_bytes()


def test_a_changed_raster_or_order_is_another_job(
    model: Any, scheme: LabelScheme, pair: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    predict_scene(model, make_mosaic(pair), out, scheme, OPTIONS)
    calls = model.calls
    predict_scene(model, make_mosaic(pair), out, scheme, OPTIONS)
    assert model.calls == calls
    with pytest.raises(ValueError, match='results of another run'):
        predict_scene(model, make_mosaic(pair[::-1]), out, scheme, OPTIONS)
    with rasterio.open(pair[1], 'r+') as data:
        data.write(np.full((3, 100, 90), 7, np.uint8))
    with pytest.raises(ValueError, match='results of another run'):
        predict_scene(model, make_mosaic(pair), out, scheme, OPTIONS)


def test_a_result_never_replaces_a_raster_of_the_mosaic(
    model: Any, scheme: LabelScheme, pair: list[Path], tmp_path: Path
) -> None:
    part = pair[1].rename(tmp_path / 'labels.tif')
    mosaic = make_mosaic([pair[0], part])
    with pytest.raises(ValueError, match='choose another folder'):
        predict_scene(model, mosaic, tmp_path, scheme, OPTIONS)


def test_addresses_in_a_mosaic_show_no_secrets(
    pair: list[Path],
    model: Any,
    scheme: LabelScheme,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv('GDAL_HTTP_RETRY_DELAY', '0.05')
    monkeypatch.setenv('CPL_VSIL_CURL_NON_CACHED', '/vsicurl/http://127')
    caplog.set_level('INFO')
    secret = 'sig=a&key=b'
    with serve(tmp_path) as server:
        parts = [f'{server.url}/{path.name}?{secret}' for path in pair]
        mosaic = make_mosaic(parts)
        result = predict_scene(model, mosaic, tmp_path / 'o', scheme, OPTIONS)
        identity = mosaic.identity()
    assert [part['etag'] for part in identity['parts']] == ['"v1"', '"v1"']
    report = (tmp_path / 'o' / 'report.json').read_text()
    assert 'one.tif' in report
    assert isinstance(mosaic, Mosaic)
    assert isinstance(mosaic.parts[0], RemoteScene)
    told = report + caplog.text + repr(mosaic) + str(identity)
    assert 'sig=a' not in told
    with (
        RasterSource(make_mosaic(pair)) as here,
        rasterio.open(result.files['labels']) as there,
    ):
        assert here.shape == there.shape
    with pytest.raises(UnreachableError) as info, RasterSource(mosaic) as lost:
        lost.read(0, 140)
    assert 'sig=a' not in str(info.value)


def test_a_mosaic_in_shares_has_the_bytes_of_the_plain_run(
    model: Any,
    scheme: LabelScheme,
    pair: list[Path],
    write_scene: Write,
    tmp_path: Path,
) -> None:
    """Four rasters that overlap, one of them in another CRS."""
    parts = [
        *pair,
        write_scene(values(3), 'three.tif', transform=at(20, 70)),
        write_scene(
            values(4),
            'four.tif',
            crs='EPSG:32631',
            transform=from_origin(771640, 5645280, 0.5, 0.5),
        ),
    ]
    predict_scene(
        model, make_mosaic(parts), tmp_path / 'here', scheme, OPTIONS
    )
    out = tmp_path / 'there'
    for share in (2, 1):
        given = make_mosaic(parts), out, scheme
        predict_share(model, *given, share, 2, OPTIONS)
    calls = model.calls
    made = make_mosaic(parts)
    predict_scene(model, made, out, scheme, OPTIONS, scan=refuse_missing)
    assert model.calls == calls
    for name in ('labels.tif', 'classes.csv'):
        here = (tmp_path / 'here' / name).read_bytes()
        assert here == (out / name).read_bytes()
