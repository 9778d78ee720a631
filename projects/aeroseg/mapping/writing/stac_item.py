# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A map as a STAC item: what it shows, of what, by which model and words."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from rasterio.warp import transform_geom

from aeroseg.files import atomic_path
from aeroseg.mapping.aoi import bounds_of
from aeroseg.mapping.label_scheme import LabelScheme
from aeroseg.mapping.reading.pixel_area import is_on_earth, to_map
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import VirtualScene

_SCHEMAS = 'https://stac-extensions.github.io/'
_CLASSES = 'classification/v2.0.0'
_PROCESSING = 'processing/v1.2.0'
_PROJECTION = 'projection/v2.0.0'
_UNKNOWN = datetime.fromtimestamp(0, UTC)
_EDGE = 20  # points per side of the outline on the ground
_COG = 'image/tiff; application=geotiff; profile=cloud-optimized'
# Media type and roles by the kind of result.
_ASSETS = {
    'labels': (_COG, ('data', 'labels')),
    'scores': (_COG, ('data',)),
    'polygons': ('', ('data',)),
    'classes': ('text/csv', ('metadata',)),
    'style': ('application/xml', ('metadata',)),
    'preview': ('image/png', ('overview',)),
}
_POLYGONS = {
    '.gpkg': 'application/geopackage+sqlite3',
    '.geojson': 'application/geo+json',
    '.parquet': 'application/vnd.apache.parquet',
}


def write_item(
    path: Path,
    source: RasterSource,
    scheme: LabelScheme,
    files: Mapping[str, str],
    job: Mapping[str, Any],
    digest: str,
) -> None:
    """Describe the results of a scene as a STAC item.

    Nothing in it depends on when or where it is written.

    Args:
        path (Path): The file, next to the results.
        source (RasterSource): The scene.
        scheme (LabelScheme): What the ids mean.
        files (Mapping[str, str]): Names of the results, by kind.
        job (Mapping[str, Any]): Everything that determines the result.
        digest (str): Its fingerprint.
    """
    outline = _outline(source)
    extensions = [_CLASSES, _PROCESSING]
    if source.georeferenced:
        extensions.append(_PROJECTION)
    item: dict[str, Any] = {
        'type': 'Feature',
        'stac_version': '1.1.0',
        'stac_extensions': [
            f'{_SCHEMAS}{name}/schema.json' for name in extensions
        ],
        'id': f'{_plain(source.path.stem)}-{digest[:12]}',
        'geometry': outline,
        'properties': {
            **_times(source, job),
            **_projection(source),
            'title': f'Map of {source.path.name}',
            'processing:software': {'AerOSeg': job['version']},
            'aeroseg:model': job['model'],
            'aeroseg:words': job['vocabulary'],
            'aeroseg:job': digest,
            'aeroseg:sources': _sources(job),
        },
        'links': [],
        'assets': _assets(files, scheme),
    }
    if outline is not None:
        item['bbox'] = list(bounds_of([outline]))
    with atomic_path(path) as part:
        part.write_text(json.dumps(item, indent=2), 'utf-8')


def _assets(files: Mapping[str, str], scheme: LabelScheme) -> dict[str, Any]:
    assets: dict[str, dict[str, Any]] = {}
    for kind, (media, roles) in _ASSETS.items():
        if kind in files:
            assets[kind] = {
                'href': f'./{files[kind]}',
                'type': media or _POLYGONS[Path(files[kind]).suffix],
                'roles': list(roles),
            }
    names, palette = scheme.classes.names, scheme.classes.palette
    classes: list[dict[str, Any]] = [
        {
            'value': index,
            'name': f'{index}_{_plain(name)}',
            'title': name,
            'description': name,
            'color_hint': '{:02X}{:02X}{:02X}'.format(*palette[index]),
        }
        for index, name in enumerate(names)
    ]
    nothing = {'value': scheme.nodata, 'name': 'nodata', 'nodata': True}
    classes.append({**nothing, 'description': 'no data'})
    assets['labels'] |= {
        'data_type': scheme.dtype.name,
        'nodata': scheme.nodata,
        'classification:classes': classes,
    }
    return assets


def _outline(source: RasterSource) -> dict[str, Any] | None:
    """The edge of the scene in longitude and latitude, against the clock."""
    if not is_on_earth(source.data):
        return None
    height, width = source.shape
    steps = [n / _EDGE for n in range(_EDGE)]
    edge = [
        *((0.0, s * height) for s in steps),
        *((s * width, float(height)) for s in steps),
        *((float(width), height - s * height) for s in steps),
        *((width - s * width, 0.0) for s in steps),
        (0.0, 0.0),
    ]
    ring = []
    for column, row in edge:
        x, y = to_map(source.transform, column, row)
        ring.append((float(x), float(y)))
    polygon = {'type': 'Polygon', 'coordinates': [ring]}
    found = transform_geom(source.data.crs, 'OGC:CRS84', polygon, precision=9)
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def _projection(source: RasterSource) -> dict[str, Any]:
    if source.data.crs is None:
        return {}
    code = source.data.crs.to_authority()
    found: dict[str, Any] = {
        'proj:code': ':'.join(code) if code else None,
        'proj:shape': list(source.shape),
        'proj:transform': list(source.transform)[:6],
    }
    if code is None:
        found['proj:wkt2'] = source.data.crs.to_wkt(version='WKT2_2019')
    if source.resolution is not None:
        found['gsd'] = round(max(source.resolution), 6)
    return found


def _times(source: RasterSource, job: Mapping[str, Any]) -> dict[str, Any]:
    """When the scene was taken, as well as that is known."""
    path = source.path
    if isinstance(path, VirtualScene) and path.times is not None:
        first, last = path.times
        found: dict[str, Any] = {'datetime': last, 'aeroseg:time': 'items'}
        if first != last:
            found |= {'start_datetime': first, 'end_datetime': last}
            found['datetime'] = None
        return found
    try:
        tag = source.data.tags().get('TIFFTAG_DATETIME', '')
        taken = datetime.strptime(tag, '%Y:%m:%d %H:%M:%S')
        return {'datetime': _utc(taken), 'aeroseg:time': 'TIFFTAG_DATETIME'}
    except ValueError:
        pass
    changed = _changed(job)
    told = 'file' if changed > _UNKNOWN else 'unknown'
    return {'datetime': _utc(changed), 'aeroseg:time': told}


def _changed(job: Mapping[str, Any]) -> datetime:
    """When the file, or the newest of a mosaic, was changed."""
    if 'parts' in job:
        return max(map(_changed, job['parts']))
    changed = job.get('changed')
    if isinstance(changed, int):
        return datetime.fromtimestamp(changed // 10**9, UTC)
    try:
        return parsedate_to_datetime(str(changed)).astimezone(UTC)
    except ValueError:  # a server that does not tell, or a web map
        return _UNKNOWN


def _utc(time: datetime) -> str:
    return time.replace(tzinfo=UTC).isoformat().replace('+00:00', 'Z')


def _sources(job: Mapping[str, Any]) -> list[str]:
    parts = job.get('parts')
    if parts is None:
        return [str(job['source'])]
    return [source for part in parts for source in _sources(part)]


def _plain(text: str) -> str:
    """A text of letters, digits, '-' and '_' alone."""
    return re.sub(r'[^0-9A-Za-z-]+', '_', text).strip('_') or 'scene'
