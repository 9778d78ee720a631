# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Web maps that a file describes: the same map, faults, no secrets shown."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from data.range_server import Breaking, RangeServer, serve
from data.tile_server import (
    METRES,
    SIDE,
    TileHandler,
    describe,
    place,
    write_tiles,
)

from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.mosaics.mosaic import make_mosaic
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import UnreachableError, locate
from aeroseg.mapping.reading.web_map import WebMap
from aeroseg.mapping.windows.tiling import Tiling

OPTIONS = SceneOptions(Tiling(48, 16), progress=False, stac_item=True)
SECRETS = ('secret-9876', 'password')
SHAPE = (5 * SIDE, 2 * SIDE)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('GDAL_HTTP_RETRY_DELAY', '0.02')
    monkeypatch.setenv('GDAL_HTTP_MAX_RETRY', '1')


@pytest.fixture
def image() -> np.ndarray:
    """Smooth enough for JPEG; never black."""
    small = np.random.default_rng(0).integers(20, 250, (80, 32, 3), np.uint8)
    return small.repeat(4, axis=0).repeat(4, axis=1)


@pytest.fixture
def tiles(tmp_path: Path, image: np.ndarray) -> Path:
    write_tiles(tmp_path / 'tiles', image)
    return tmp_path / 'tiles'


@contextmanager
def served(
    tiles: Path, fault: str = '', **options: Any
) -> Iterator[tuple[RangeServer, Path]]:
    """A server, and the description of its tiles."""
    with serve(tiles, fault, TileHandler) as server:
        path = tiles.parent / 'town.xml'
        yield server, describe(path, server.url, SHAPE, **options)


def write_file(folder: Path, image: np.ndarray) -> Path:
    """The same pixels as a GeoTIFF."""
    profile = {
        'driver': 'GTiff',
        'crs': 'EPSG:3857',
        'transform': place(SHAPE),
        'height': SHAPE[0],
        'width': SHAPE[1],
        'count': 3,
    }
    path = folder / 'town.tif'
    with rasterio.open(path, 'w', dtype='uint8', **profile) as data:
        data.write(image.transpose(2, 0, 1))
    return path


@pytest.mark.parametrize(
    ('service', 'address'),
    [
        ('TMS', '${z}/${x}/${y}.png?token=secret-9876'),
        ('WMS', 'wms?token=secret-9876&amp;'),
    ],
)
def test_a_web_map_gives_the_map_of_its_pixels(
    model: Any,
    scheme: LabelScheme,
    image: np.ndarray,
    tiles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    service: str,
    address: str,
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, 'rasterio._err')
    path = write_file(tmp_path, image)
    predict_scene(model, path, tmp_path / 'here', scheme, OPTIONS)
    (tmp_path / 'empty').mkdir()
    monkeypatch.chdir(tmp_path / 'empty')
    given = {'service': service, 'address': address, 'more': '<Cache/>'}
    with served(tiles, **given) as (_, town):
        found = predict_scene(model, town, tmp_path / 'out', scheme, OPTIONS)
        calls = model.calls
        predict_scene(model, town, tmp_path / 'out', scheme, OPTIONS)
    assert model.calls == calls
    for name in ('labels.tif', 'classes.csv'):
        here = (tmp_path / 'here' / name).read_bytes()
        assert (tmp_path / 'out' / name).read_bytes() == here
    assert not list((tmp_path / 'empty').iterdir())
    report = (tmp_path / 'out' / 'report.json').read_text()
    assert str(town) in report
    item = (tmp_path / 'out' / 'item.json').read_text()
    assert '"aeroseg:time": "unknown"' in item
    told = report + item + caplog.text + repr(found) + str(found.scene)
    assert not any(secret in told for secret in SECRETS)


@pytest.mark.parametrize(
    'fault', ['503', '404', '204', 'half', 'html', 'refused', 'reset']
)
def test_a_tile_that_fails_ends_the_run_and_its_rows_stay(
    model: Any,
    scheme: LabelScheme,
    image: np.ndarray,
    tiles: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    """It would be black, if GDAL were asked for it in the usual way."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, 'rasterio._err')

    path = write_file(tmp_path, image)
    predict_scene(model, path, tmp_path / 'here', scheme, OPTIONS)
    whole, out = model.calls, tmp_path / 'out'
    with served(tiles, fault) as (server, town):
        with pytest.raises(UnreachableError, match=r'town\.xml.*is kept') as e:
            predict_scene(Breaking(model, server), town, out, scheme, OPTIONS)
        assert list(out.glob('.aeroseg/0*.npz'))
        assert [p.name for p in out.iterdir()] == ['.aeroseg']
        server.faults.value = 0 if fault in ('404', '204') else 1
        before = model.calls
        predict_scene(model, town, out, scheme, OPTIONS)
    assert 0 < model.calls - before < whole
    labels = [p / 'labels.tif' for p in (tmp_path / 'here', out)]
    assert labels[0].read_bytes() == labels[1].read_bytes()
    assert '\n' not in str(e.value)
    told = caplog.text + str(e.value)
    assert not any(secret in told for secret in SECRETS)


def test_tiles_that_may_be_missing_have_no_data(
    image: np.ndarray, tiles: Path
) -> None:
    missing = sorted(tiles.glob('*/*/*.png'))[3]
    missing.unlink()
    with (
        served(tiles) as (_, town),
        RasterSource(town) as source,
        pytest.raises(UnreachableError, match='status 404'),
    ):
        source.read(0, SHAPE[0])
    more = '<ZeroBlockHttpCodes>404</ZeroBlockHttpCodes>'
    with (
        served(tiles, more=more) as (_, town),
        RasterSource(town) as source,
    ):
        found, valid = source.read(0, SHAPE[0])
    hole = ~valid
    assert hole.sum() == SIDE**2
    rows, columns = np.nonzero(hole)
    assert (rows.min() % SIDE, columns.min() % SIDE) == (0, 0)
    assert (found.transpose(1, 2, 0)[valid] == image[valid]).all()


def test_a_jpeg_that_ends_early_is_never_made_up(
    image: np.ndarray, tiles: Path
) -> None:
    """libjpeg only warns of it, and fills the rest with grey."""
    write_tiles(tiles, image, 'jpg')
    cut = sorted(tiles.glob('*/*/*.jpg'))[0]
    cut.write_bytes(cut.read_bytes()[:-200])
    address = '${z}/${x}/${y}.jpg'
    with (
        served(tiles, address=address) as (_, town),
        RasterSource(town) as source,
        pytest.raises(UnreachableError, match='cannot be read'),
    ):
        source.read(0, SHAPE[0])


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (('</GDAL_WMS>', '<OfflineMode>true</OfflineMode></GDAL_WMS>'),
         'OfflineMode'),
        (('GDAL_WMS>', 'GDAL_WMTS>'), 'WMTS'),
        (('?token', '?a=1&token'), 'written as &amp;'),
        (('<UserPwd>', '<ZeroBlockOnServerException>true'
          '</ZeroBlockOnServerException><BandsCount>5</BandsCount><UserPwd>'),
         r'DataValues NoData="0"'),
        (('name="TMS"', 'name="TMX"'), 'cannot be read at all'),
        (('<SizeX>', '<SizeX>-'), 'cannot be read at all'),
    ],
)  # fmt: skip
def test_descriptions_that_cannot_be_used(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = describe(tmp_path / 'town.xml', 'http://127.0.0.1:9', SHAPE)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ValueError, match=said) as info:
        RasterSource(path)
    assert 'town.xml' in str(info.value)
    assert not any(secret in str(info.value) for secret in SECRETS)


def test_the_file_is_what_tells_web_maps_apart(tmp_path: Path) -> None:
    path = describe(tmp_path / 'town.xml', 'http://127.0.0.1:9', SHAPE)
    one = locate(path)
    assert isinstance(one, WebMap)
    assert (str(one), one.name, one.stem) == (str(path), 'town.xml', 'town')
    assert not any(secret in repr(one) for secret in SECRETS)
    prolog = '<?xml version="1.0"?>\n<!-- of the town -->\n'
    path.write_text(prolog + path.read_text())
    two = locate(path)
    assert isinstance(two, WebMap)
    assert one.identity() != two.identity()
    (tmp_path / 'other.xml').write_text('<PAMDataset></PAMDataset>')
    assert locate(tmp_path / 'other.xml') == tmp_path / 'other.xml'
    assert locate(tmp_path / 'none.xml') == tmp_path / 'none.xml'


def test_smaller_scales_of_the_server_are_asked_for_at_the_start(
    tmp_path: Path, tiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when all windows are done, and only the preview is left."""
    module = 'aeroseg.mapping.reading.raster_source._SAMPLE'
    monkeypatch.setattr(module, SIDE)
    with (
        served(tiles) as (_, town),
        pytest.raises(UnreachableError, match='OverviewCount'),
    ):
        RasterSource(town)
    more = '<OverviewCount>0</OverviewCount>'
    with served(tiles, more=more) as (_, town), RasterSource(town) as source:
        assert source.thumbnail(SIDE).shape == (SIDE, 26, 3)
        assert source.transform.a == pytest.approx(METRES)


def test_a_web_map_in_a_mosaic(
    image: np.ndarray, tiles: Path, tmp_path: Path
) -> None:
    path = write_file(tmp_path, 255 - image)
    with served(tiles) as (_, town):
        with RasterSource(make_mosaic([town, path])) as source:
            found = source.read(0, SHAPE[0])[0]
        assert (found == image.transpose(2, 0, 1)).all()
        mosaic = make_mosaic([path, town])
        with RasterSource(mosaic) as source:
            found = source.read(0, SHAPE[0])[0]
        assert (found == 255 - image.transpose(2, 0, 1)).all()
    assert 'secret' not in str(mosaic) + repr(mosaic) + str(mosaic.identity())
