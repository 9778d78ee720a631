# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""STAC as input: items in files, behind HTTP and found by a search."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from data.range_server import RangeServer, serve
from data.rasters import at, values, whole
from data.stac_server import StacHandler
from rasterio.warp import transform_bounds

from aeroseg.mapping.aoi import Area, read_area
from aeroseg.mapping.mosaics.mosaic import Mosaic, make_mosaic
from aeroseg.mapping.mosaics.stac_assets import scene_of_items
from aeroseg.mapping.mosaics.stac_items import find_items
from aeroseg.mapping.reading.remote_scene import UnreachableError

Write = Callable[..., Path]


def make_item(path: Path, day: int, **asset: Any) -> pystac.Item:
    """An item with the picture, a thumbnail and its metadata."""
    with rasterio.open(path) as data:
        box = transform_bounds(data.crs, 'OGC:CRS84', *data.bounds)
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, south]]
    item = pystac.Item(
        path.stem,
        {'type': 'Polygon', 'coordinates': [ring]},
        list(box),
        datetime(2024, 5, day, tzinfo=UTC),
        {},
        collection='aerial',
    )
    given = {
        'href': f'./{path.name}',
        'media_type': pystac.MediaType.COG,
        'roles': ['data', 'visual'],
    }
    item.add_asset('rgb', pystac.Asset(**given | asset))
    item.add_asset(
        'small',
        pystac.Asset(
            './small.png',
            media_type=pystac.MediaType.PNG,
            roles=['thumbnail'],
        ),
    )
    item.add_asset('meta', pystac.Asset('./meta.xml', roles=['metadata']))
    return item


@pytest.fixture
def rasters(write_scene: Write) -> list[Path]:
    """The second one is the newest, the third lies apart."""
    places = at(0, 0), at(50, 40), at(400, 400)
    return [
        write_scene(values(n), f'{n}.tif', transform=place)
        for n, place in enumerate(places)
    ]


@pytest.fixture
def items(rasters: list[Path]) -> list[pystac.Item]:
    return [
        make_item(path, day)
        for path, day in zip(rasters, (3, 9, 1), strict=True)
    ]


@pytest.fixture
def saved(items: list[pystac.Item], tmp_path: Path) -> Path:
    """A saved search."""
    path = tmp_path / 'items.json'
    pystac.ItemCollection(items).save_object(str(path))
    return path


@pytest.fixture
def near(tmp_path: Path, items: list[pystac.Item]) -> Area:
    """Polygons around the first two rasters."""
    boxes = [item.bbox for item in items[:2] if item.bbox]
    west, south = (min(box[n] for box in boxes) for n in (0, 1))
    east, north = (max(box[n] for box in boxes) for n in (2, 3))
    ring = [[west, south], [east, south], [east, north], [west, north]]
    path = tmp_path / 'city.geojson'
    polygon = {'type': 'Polygon', 'coordinates': [[*ring, ring[0]]]}
    path.write_text(json.dumps(polygon))
    return read_area(path)


@pytest.fixture
def server(
    tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RangeServer]:
    monkeypatch.setenv('GDAL_HTTP_RETRY_DELAY', '0.05')
    monkeypatch.setenv('CPL_VSIL_CURL_NON_CACHED', '/vsicurl/http://127')
    with serve(tmp_path, kind=StacHandler) as running:
        yield running


def same(scene: Any, paths: list[Path]) -> bool:
    """Whether a scene is the mosaic of these files."""
    found, expected = whole(scene), whole(make_mosaic(paths))
    return all((a == b).all() for a, b in zip(found, expected, strict=True))


def test_the_newest_item_wins(saved: Path, rasters: list[Path]) -> None:
    found = find_items(str(saved))
    assert [item.id for item in found] == ['1', '0', '2']
    scene = scene_of_items(found)
    assert same(scene, [rasters[1], rasters[0], rasters[2]])


def test_an_area_leaves_out_what_lies_apart(saved: Path, near: Area) -> None:
    assert [item.id for item in find_items(str(saved), near)] == ['1', '0']


def test_a_single_item_is_its_raster(
    items: list[pystac.Item], tmp_path: Path, rasters: list[Path]
) -> None:
    path = tmp_path / 'item.json'
    items[0].save_object(dest_href=str(path))
    scene = scene_of_items(find_items(str(path)))
    assert same(scene, rasters[:1])
    assert scene.times == ('2024-05-03T00:00:00Z',) * 2  # type: ignore


def test_collections_and_catalogues_are_walked(
    items: list[pystac.Item], tmp_path: Path, rasters: list[Path]
) -> None:
    extent = pystac.Extent(
        pystac.SpatialExtent([[-180, -90, 180, 90]]),
        pystac.TemporalExtent([[None, None]]),
    )
    collection = pystac.Collection('aerial', 'Pictures.', extent)
    for item in items:
        for asset in item.assets.values():
            asset.href = str(tmp_path / asset.href)
    collection.add_items(items)
    root = pystac.Catalog('root', 'All.')
    root.add_child(collection)
    folder = tmp_path / 'catalogue'
    root.normalize_and_save(str(folder), pystac.CatalogType.SELF_CONTAINED)
    for name in ('catalog.json', 'aerial/collection.json'):
        scene = scene_of_items(find_items(str(folder / name)))
        assert same(scene, [rasters[1], rasters[0], rasters[2]])


def test_items_behind_http(server: RangeServer, rasters: list[Path]) -> None:
    found = find_items(f'{server.url}/items.json?sig=abc123')
    scene = scene_of_items(found, title='3 items')
    assert isinstance(scene, Mosaic)
    assert str(scene.parts[0]) == f'{server.url}/1.tif'
    assert same(scene, [rasters[1], rasters[0], rasters[2]])


def test_a_search_asks_for_place_collection_and_time(
    server: RangeServer, near: Area, rasters: list[Path], tmp_path: Path
) -> None:
    api = f'{server.url}/api'
    content = json.loads((tmp_path / 'items.json').read_text())
    for feature in content['features']:
        for asset in feature['assets'].values():
            asset['href'] = f'{server.url}/{Path(asset["href"]).name}'
    others = [{**f, 'collection': 'radar'} for f in content['features']]
    content['features'] += others
    (tmp_path / 'items.json').write_text(json.dumps(content))
    found = find_items(api, near, ['aerial'])
    assert [item.id for item in found] == ['1', '0']
    assert {item.collection_id for item in found} == {'aerial'}
    assert same(scene_of_items(found), [rasters[1], rasters[0]])
    early = find_items(api, near, ['aerial'], '2024-05-01/2024-05-04')
    assert [item.id for item in early] == ['0']
    with pytest.raises(ValueError, match=r'no item near .*city.geojson|no it'):
        find_items(api, near, ['aerial'], '2023')


def test_all_pages_of_a_search_are_read(
    server: RangeServer, tmp_path: Path, items: list[pystac.Item]
) -> None:
    """The server gives two items per page."""
    everywhere = Area('all', json.dumps([{
        'type': 'Polygon',
        'coordinates': [[[-179, -89], [179, -89], [179, 89], [-179, -89]]],
    }]))  # fmt: skip
    found = find_items(f'{server.url}/api', everywhere, ['aerial'])
    assert len(found) == 3


def test_an_api_must_be_told_what_to_search(
    server: RangeServer, near: Area
) -> None:
    api = f'{server.url}/api'
    for aoi, collections in ((None, ['aerial']), (near, [])):
        with pytest.raises(ValueError, match=r'is a STAC API.*--aoi FILE'):
            find_items(api, aoi, collections)


def test_items_of_a_file_are_chosen_by_time_and_collection(
    saved: Path, near: Area
) -> None:
    def chosen(*asked: Any) -> list[str]:
        return [item.id for item in find_items(str(saved), *asked)]

    assert chosen(None, ['aerial']) == ['1', '0', '2']
    assert chosen(None, (), '2024-05') == ['1', '0', '2']
    assert chosen(None, (), '2024-05-02/..') == ['1', '0']
    assert chosen(near, ['radar', 'aerial'], '2024-05-01/2024-05-03') == ['0']
    with pytest.raises(ValueError, match=r'no item of radar at 2024-05$'):
        find_items(str(saved), None, ['radar'], '2024-05')
    with pytest.raises(ValueError, match=r'no item at 2024-06-01/2025$'):
        find_items(str(saved), None, (), '2024-06-01/2025')


def test_assets_in_natural_colours_are_found(
    rasters: list[Path], tmp_path: Path
) -> None:
    path = rasters[0]
    item = make_item(path, 1, roles=['data'])
    item.assets['rgb'].href = str(path)
    assert same(scene_of_items([item]), [path])  # the only one
    nir = pystac.Asset('nir.tif', media_type=pystac.MediaType.COG)
    item.add_asset('nir', nir)
    assert same(scene_of_items([item]), [path])  # the only one with data
    nir.roles = ['data']
    with pytest.raises(ValueError, match=r'--asset KEY.*: rgb, nir'):
        scene_of_items([item])
    assert same(scene_of_items([item], 'rgb'), [path])
    item.assets['rgb'].extra_fields['eo:bands'] = [
        {'name': n, 'common_name': n} for n in ('blue', 'green', 'red')
    ]
    turned = scene_of_items([item])  # by its bands, in their order
    assert (whole(turned)[0] == whole(path)[0][::-1]).all()
    item.add_asset('visual', item.assets['rgb'].clone())
    item.assets['visual'].extra_fields = {}
    assert same(scene_of_items([item]), [path])
    with pytest.raises(ValueError, match=r"no asset 'tci'; it has rgb"):
        scene_of_items([item], 'tci')


def test_three_assets_of_one_band_each(
    write_scene: Write, rasters: list[Path]
) -> None:
    """Two items; the newest covers the other one."""
    items = []
    for number, path in enumerate(rasters[:2]):
        item = make_item(path, 1 + number)
        for band, name in enumerate(('red', 'green', 'blue')):
            place = (at(0, 0), at(50, 40))[number]
            one = values(number)[..., band : band + 1]
            file = write_scene(one, f'{name}{number}.tif', transform=place)
            item.add_asset(name, pystac.Asset(str(file)))
        item.assets['rgb'].href = str(path)
        items.insert(0, item)
    scene = scene_of_items(items, 'red,green,blue')
    assert same(scene, [rasters[1], rasters[0]])
    assert len(scene.identity()['parts'][0]['parts']) == 3  # type: ignore
    with pytest.raises(ValueError, match='must be rasters of one band'):
        scene_of_items(items, 'rgb,rgb,rgb')
    with pytest.raises(ValueError, match='names 2 assets'):
        scene_of_items(items, 'red,green')


@pytest.mark.parametrize(
    ('content', 'told'),
    [
        ('no json', 'it is not JSON'),
        ('[]', 'no JSON object'),
        ('{"type": "Polygon"}', "its type is 'Polygon'"),
        ('{"type": "Feature"}', 'cannot be read as STAC'),
        ('{"type": "FeatureCollection", "features": []}', 'holds no item'),
        ('{"type": "FeatureCollection"}', 'cannot be read as STAC'),
        (
            '{"type": "Collection", "id": "a", "links": [{"rel": "items"}]}',
            'collection of a STAC API.*--collections a',
        ),
    ],
)
def test_files_that_are_no_stac(
    tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / 'a.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=told):
        find_items(str(path))
    with pytest.raises(FileNotFoundError):
        find_items(str(tmp_path / 'none.json'))


def test_one_page_of_a_search_is_told(
    saved: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = json.loads(saved.read_text())
    content['links'] = [{'rel': 'next', 'href': 'https://host/search?p=2'}]
    saved.write_text(json.dumps(content))
    with caplog.at_level(logging.WARNING):
        assert len(find_items(str(saved))) == 3
    assert 'one page of a search' in caplog.text


def test_addresses_that_do_not_answer_show_no_secrets(
    server: RangeServer,
) -> None:
    url = f'{server.url}/none.json?sig=abc123'
    with pytest.raises(UnreachableError, match=r'none.json cannot') as info:
        find_items(url)
    assert 'abc123' not in str(info.value)
    with pytest.raises(ValueError, match='read from files and from web'):
        find_items('s3://bucket/item.json')


def test_an_asset_that_cannot_be_reached_here(
    items: list[pystac.Item],
) -> None:
    items[0].assets['rgb'].href = 'ftp://host/a.tif?sig=abc123'
    with pytest.raises(ValueError, match=r'ftp://host/a.tif, which') as info:
        scene_of_items(items[:1])
    assert 'abc123' not in str(info.value)
    assert np.isfinite(items[0].bbox or []).all()
