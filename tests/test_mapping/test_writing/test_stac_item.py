# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The result as a STAC item, read by pystac."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from aeroseg.mapping.job.predict_scene import predict_scene
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.mosaics.mosaic import make_mosaic
from aeroseg.mapping.windows.tiling import Tiling
from aeroseg.vocabulary import Vocabulary

Write = Callable[..., Path]
OPTIONS = SceneOptions(
    Tiling(96, 32),
    scores=True,
    polygons='parquet',
    stac_item=True,
    progress=False,
)


def read(path: Path) -> pystac.Item:
    """An item that follows the standard."""
    item = pystac.Item.from_file(str(path))
    told = item.to_dict(transform_hrefs=False)
    kind = pystac.STACObjectType.ITEM
    JsonSchemaSTACValidator().validate_core(told, kind, '1.1.0')
    check_extensions(json.loads(path.read_text()))
    return item


def check_extensions(item: dict[str, Any]) -> None:
    """What the extensions ask for, by their texts.

    pystac brings the schemas of the core, but no package those of the
    extensions, and tests have no network.
    """
    named = {url.split('/')[3]: url for url in item['stac_extensions']}
    assert all(url.endswith('/schema.json') for url in named.values())
    used = {
        key.partition(':')[0]
        for fields in (item['properties'], *item['assets'].values())
        for key in fields
        if ':' in key
    }
    prefixes = {
        'classification': 'classification',
        'processing': 'processing',
        'projection': 'proj',
    }
    assert used - {'aeroseg'} == {prefixes[name] for name in named}
    # Classification 2.0
    classes = item['assets']['labels']['classification:classes']
    assert len({entry['value'] for entry in classes}) == len(classes) > 0
    for entry in classes:
        assert isinstance(entry['value'], int)
        assert re.fullmatch('[0-9A-Za-z_-]+', entry['name'])
        assert re.fullmatch('[0-9A-F]{6}', entry.get('color_hint', 'FFFFFF'))
        assert isinstance(entry.get('description', ''), str)
        assert entry.get('nodata', False) in (True, False)
    # Processing 1.2
    software = item['properties']['processing:software']
    assert all(isinstance(version, str) for version in software.values())
    # Projection 2.0
    if 'projection' in named:
        place = item['properties']
        assert [type(n) for n in place['proj:shape']] == [int, int]
        assert len(place['proj:transform']) == 6
        assert all(isinstance(n, float) for n in place['proj:transform'])
        if place['proj:code'] is None:
            assert place['proj:wkt2'].startswith(('PROJCRS', 'BOUNDCRS'))
        else:
            assert re.fullmatch('[A-Z]+:[0-9A-Za-z]+', place['proj:code'])


def test_an_item_says_what_by_whom_and_of_what(
    model: Any, pixels: np.ndarray, write_scene: Write, tmp_path: Path
) -> None:
    words = Vocabulary(('building', 'dirt road', 'tree'), threshold=0.1)
    scheme = LabelScheme(words)
    scene = write_scene(pixels)
    with rasterio.open(scene, 'r+') as data:
        data.update_tags(TIFFTAG_DATETIME='2024:05:03 10:20:30')
    out = tmp_path / 'out'
    found = predict_scene(model, scene, out, scheme, OPTIONS, 'print-1')
    item = read(found.files['item'])
    told = item.properties
    assert told['datetime'] == '2024-05-03T10:20:30Z'
    assert told['aeroseg:time'] == 'TIFFTAG_DATETIME'
    assert told['aeroseg:model'] == 'print-1'
    assert told['aeroseg:words']['names'][1] == 'dirt road'
    assert told['aeroseg:sources'] == [str(scene)]
    assert told['gsd'] == pytest.approx(0.5, rel=1e-3)
    assert set(item.assets) == set(found.files) - {'item'}
    for asset in item.assets.values():
        assert Path(asset.get_absolute_href() or '').is_file()
    place = ProjectionExtension.ext(item)
    assert place.code == 'EPSG:25832'
    with rasterio.open(found.files['labels']) as data:
        assert place.shape == [data.height, data.width]
        assert place.transform == list(data.transform)[:6]
        bounds = rasterio.warp.transform_bounds(
            data.crs, 'OGC:CRS84', *data.bounds
        )
    assert item.bbox == pytest.approx(bounds, abs=1e-6)
    classes = ClassificationExtension.ext(item.assets['labels']).classes or []
    assert [c.value for c in classes] == [0, 1, 2, 3, 255]
    assert classes[1].name == '1_dirt_road'
    assert classes[1].to_dict()['title'] == 'dirt road'
    colour = '{:02X}{:02X}{:02X}'.format(*scheme.classes.palette[1])
    assert classes[1].color_hint == colour
    assert classes[4].nodata


def test_the_same_run_gives_the_same_item_and_another_one_another(
    model: Any,
    scheme: LabelScheme,
    pixels: np.ndarray,
    write_scene: Write,
    tmp_path: Path,
) -> None:
    scene = write_scene(pixels)
    os.utime(scene, (1714730000, 1714730000))
    items = []
    for name, options in (
        ('a', OPTIONS),
        ('b', OPTIONS),
        ('c', replace(OPTIONS, scale=0.5)),
    ):
        found = predict_scene(model, scene, tmp_path / name, scheme, options)
        items.append(found.files['item'].read_bytes())
    assert items[0] == items[1] != items[2]
    item = read(tmp_path / 'a' / 'item.json')
    assert item.properties['datetime'] == '2024-05-03T09:53:20Z'
    assert item.properties['aeroseg:time'] == 'file'


def test_items_of_a_mosaic_and_without_a_place(
    model: Any,
    scheme: LabelScheme,
    pixels: np.ndarray,
    write_scene: Write,
    tmp_path: Path,
) -> None:
    scene = write_scene(pixels)
    times = '2024-05-01T00:00:00Z', '2024-05-09T00:00:00Z'
    mosaic = make_mosaic([scene, scene], 'two of them', times=times)
    found = predict_scene(model, mosaic, tmp_path / 'a', scheme, OPTIONS)
    item = read(found.files['item'])
    assert item.datetime is None
    assert item.properties['start_datetime'] == times[0]
    assert item.properties['end_datetime'] == times[1]
    assert item.properties['aeroseg:sources'] == [str(scene)] * 2
    assert item.id.startswith('two_of_them-')
    bare = write_scene(pixels, 'bare.tif', crs=None, transform=None)
    options = replace(OPTIONS, polygons='gpkg')
    found = predict_scene(model, bare, tmp_path / 'b', scheme, options)
    item = read(found.files['item'])
    assert item.geometry is None
    own = '+proj=tmerc +lat_0=49.9 +lon_0=8.6 +ellps=GRS80 +units=m'
    nameless = write_scene(pixels, 'own.tif', crs=own)
    made = predict_scene(model, nameless, tmp_path / 'c', scheme, options)
    assert read(made.files['item']).properties['proj:code'] is None
    assert item.assets['polygons'].media_type == pystac.MediaType.GEOPACKAGE
