# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The area of interest: polygons that say which part of a scene is mapped."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

_DEGREES = 'OGC:CRS84'  # longitude and latitude, as GeoJSON has them
_KINDS = ('Polygon', 'MultiPolygon')

Bounds = tuple[float, float, float, float]  # west, south, east, north


@dataclass(frozen=True)
class Area:
    """Polygons on the ground; made by :func:`read_area`.

    Attributes:
        name (str): Of the file, for messages.
        polygons (str): Their geometries, as a JSON list.
        crs (str): Their coordinates.
    """

    name: str
    polygons: str = field(repr=False)
    crs: str = _DEGREES

    @property
    def digest(self) -> str:
        """A hash of the polygons; the name of the file does not count."""
        text = f'{self.crs} {self.polygons}'
        return hashlib.sha256(text.encode()).hexdigest()

    def geometries(self, crs: Any) -> list[dict[str, Any]]:
        """The polygons in other coordinates.

        Args:
            crs (CRS): Of a scene.

        Raises:
            ValueError: If they have no place there.
        """
        from rasterio.warp import transform_geom  # optional

        try:
            found = transform_geom(self.crs, crs, json.loads(self.polygons))
        except Exception as error:  # GDAL's own have no public class
            raise ValueError(
                f'the polygons of {self.name} cannot be placed in {crs} '
                f'({error})'
            ) from error
        if not all(map(_is_number, chain(*vertices(found)))):
            raise ValueError(
                f'the polygons of {self.name} lie outside of what the CRS '
                f'of the scene ({crs}) can describe'
            )
        return list(found)

    def bounds(self) -> Bounds:
        """West, south, east and north in degrees."""
        return bounds_of(self.geometries(_DEGREES))


def bounds_of(geometries: list[dict[str, Any]]) -> Bounds:
    """Least and largest coordinates of polygons.

    Args:
        geometries (list[dict]): As GeoJSON has them.
    """
    x, y = zip(*vertices(geometries), strict=True)
    return min(x), min(y), max(x), max(y)


def vertices(
    geometries: list[dict[str, Any]],
) -> Iterator[tuple[float, float]]:
    """All corners of polygons.

    Args:
        geometries (list[dict]): As GeoJSON has them.

    Yields:
        tuple[float, float]: East and north.
    """
    for geometry in geometries:
        parts = geometry['coordinates']
        if geometry['type'] == 'Polygon':
            parts = [parts]
        for rings in parts:
            for ring in rings:
                yield from ((point[0], point[1]) for point in ring)


def read_area(path: str | Path) -> Area:
    """Read polygons from a GeoJSON file.

    Args:
        path (str | Path): A geometry, a feature or a collection of features,
            in longitude and latitude, or in the CRS that the file names in
            the way of older GeoJSON.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no GeoJSON, or holds no polygon.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        content = json.loads(path.read_text('utf-8-sig'))
        found = [g for g in _geometries(content) if g['type'] in _KINDS]
        points = list(vertices(found))
        if not all(_is_number(x) and _is_number(y) for x, y in points):
            raise TypeError('a coordinate is no number')
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ValueError(
            f'{path} is not a GeoJSON file that can be read ({error}); '
            'convert another format with ogr2ogr -f GeoJSON -t_srs EPSG:4326'
        ) from error
    if not points:
        raise ValueError(
            f'{path} holds no polygon; an area is given by polygons, not by '
            'points or lines'
        )
    crs = _named_crs(content) or _DEGREES
    if crs == _DEGREES and not all(
        abs(x) <= 360 and abs(y) <= 90 for x, y in points
    ):
        raise ValueError(
            f'{path} has coordinates that are no longitude and latitude, '
            f'such as {points[0]}, and names no CRS; convert it with '
            'ogr2ogr -f GeoJSON -t_srs EPSG:4326'
        )
    return Area(path.name, json.dumps(found, sort_keys=True), crs)


def _geometries(content: Any) -> Iterator[dict[str, Any]]:
    kind = content['type']
    if kind == 'FeatureCollection':
        for feature in content['features']:
            yield from _geometries(feature)
    elif kind == 'Feature':
        if content['geometry'] is not None:
            yield from _geometries(content['geometry'])
    elif kind == 'GeometryCollection':
        for geometry in content['geometries']:
            yield from _geometries(geometry)
    else:
        yield {'type': kind, 'coordinates': content['coordinates']}


def _named_crs(content: dict[str, Any]) -> str:
    """The CRS that a file names; '' for none, or for degrees."""
    named = content.get('crs') or {}
    name = str(named.get('properties', {}).get('name', ''))
    return '' if name.upper().endswith(('CRS84', 'EPSG::4326')) else name


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) < float('inf')
