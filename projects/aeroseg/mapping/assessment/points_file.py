# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Points to be labelled in QGIS, as a GeoPackage."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aeroseg.files import atomic_path, require_utf8
from aeroseg.mapping.reading.gdal import ignore_warning

from .label_map import LabelMap
from .strata import Points

OTHER = 'other'  # a label: none of the classes of the map
_LAYER = 'points'
_KEY = 'AEROSEG_POINTS'
_FORMAT = 'aeroseg-points/1'
_DATE = '1970-01-01T00:00:00.000Z'
_SHOWN = 5  # points that a message names


def write_points(
    path: Path, labels: LabelMap, points: Points, seed: int
) -> None:
    """Write the points, without the classes of the map.

    Whoever labels them must not see what the map says there. The file
    remembers the map by its hash.

    Args:
        path (Path): '.gpkg'; must not exist: it may hold labels.
        labels (LabelMap): The map.
        points (Points): Of that map.
        seed (int): They were drawn with.

    Raises:
        ValueError: If the file exists or has another suffix.
        OSError: If the file cannot be written.
    """
    check_target(path)
    pyogrio, shapely = _require('pyogrio'), _require('shapely')
    pyogrio.set_gdal_config_options({'OGR_CURRENT_DATE': _DATE})
    record = {
        'format': _FORMAT,
        'map': labels.path.name,
        'sha256': labels.digest(),
        'classes': labels.names,
        'points': len(points.row),
        'seed': seed,
    }
    x, y = labels.places(points.row, points.column)
    number = len(points.row)
    with (
        ignore_warning(UserWarning),  # no CRS, which the map lacks as well
        atomic_path(path) as part,
    ):
        try:
            pyogrio.raw.write(
                part,
                shapely.to_wkb(shapely.points(x, y)),
                field_data=[
                    np.arange(1, number + 1, dtype=np.int32),
                    np.full(number, None, object),
                    points.row.astype(np.int32),
                    points.column.astype(np.int32),
                ],
                fields=['point', 'label', 'row', 'column'],
                geometry_type='Point',
                crs=labels.crs,
                driver='GPKG',
                layer=_LAYER,
                layer_metadata={_KEY: json.dumps(record)},
            )
        except RuntimeError as error:  # of GDAL, such as a full disk
            raise OSError(f'{path.name}: {error}') from error


def check_target(path: Path) -> None:
    """Refuse a file of points that cannot be made.

    Raises:
        ValueError: If it exists or is no GeoPackage.
    """
    require_utf8(path)
    if path.suffix != '.gpkg':
        raise ValueError(f'{path}: the points are a GeoPackage, NAME.gpkg')
    if path.exists():
        raise ValueError(
            f'{path} exists and may hold labels; give another name or delete '
            'it'
        )


def read_points(path: Path, labels: LabelMap) -> tuple[Points, list[str]]:
    """Read labelled points back.

    Args:
        path (Path): Of :func:`write_points`, with labels filled in.
        labels (LabelMap): The map that the points were drawn from.

    Returns:
        tuple[Points, list[str]]: The points in their order, and the label of
        each: a name of a class, 'other', or '' where there is none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, the map has changed, points
            were moved, added or deleted, or a label is unknown.
    """
    record, table, place = _read(path)
    _check_map(record, path, labels)
    rows, columns = table['row'], table['column']
    _check_all_there(table['point'], int(record['points']), path)
    _check_places(table, place, labels, path)
    words = [_clean(word, labels.names) for word in table['label']]
    wrong = [
        (int(point), str(given))
        for point, given, word in zip(
            table['point'], table['label'], words, strict=True
        )
        if word is None
    ]
    if wrong:
        named = ', '.join(
            f'{word!r} (point {p})' for p, word in wrong[:_SHOWN]
        )
        raise ValueError(
            f'{path} has {len(wrong)} labels that are no class of the map: '
            f'{named}; allowed are {", ".join(labels.names)}, their ids 0 to '
            f'{len(labels.names) - 1}, and {OTHER!r} for none of them'
        )
    stratum = _strata_at(labels, rows, columns)
    return Points(rows, columns, stratum), [word or '' for word in words]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any], np.ndarray]:
    pyogrio, shapely = _require('pyogrio'), _require('shapely')
    require_utf8(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no {path}; tools/assess_map.py sample writes it'
        )
    try:
        info = pyogrio.read_info(path, layer=_LAYER)
        meta, _, shapes, values = pyogrio.raw.read(path, layer=_LAYER)
        record = json.loads((info['layer_metadata'] or {})[_KEY])
        table = dict(zip(meta['fields'], values, strict=True))
        for name in ('point', 'row', 'column'):
            table[name] = np.asarray(table[name]).astype(np.int64)
        order = np.argsort(table['point'], kind='stable')
        table = {name: column[order] for name, column in table.items()}
        table['label'] = list(table['label'])
        place = shapely.get_coordinates(shapely.from_wkb(shapes[order]))
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        KeyError,
        ValueError,
    ) as error:
        raise ValueError(
            f'{path} is no file of tools/assess_map.py sample, or was saved '
            f'anew without its record ({error!r}); label the file that it '
            'wrote, in place'
        ) from error
    return record, table, place


def _check_map(record: dict[str, Any], path: Path, labels: LabelMap) -> None:
    if record.get('format') != _FORMAT:
        raise ValueError(
            f'{path} has the format {record.get("format")!r}; expected '
            f'{_FORMAT!r}: draw the points again with this version'
        )
    if record['sha256'] != labels.digest():
        raise ValueError(
            f'{labels.path} is not the map that the points of {path} were '
            'drawn from, or it was changed since (another SHA-256); give '
            f'that map ({record["map"]}), or draw points of this one'
        )


def _check_all_there(found: np.ndarray, number: int, path: Path) -> None:
    missing = sorted({*range(1, number + 1)} - {*found.tolist()})
    if missing or len(found) != number:
        raise ValueError(
            f'{path} had {number} points and now has {len(found)}; missing '
            f'are {missing[:_SHOWN] or "none, so some were added"}. '
            'Every point that was drawn must be there: a point left out '
            'biases the areas'
        )


def _check_places(
    table: dict[str, Any], place: np.ndarray, labels: LabelMap, path: Path
) -> None:
    height, width = labels.shape
    rows, columns = table['row'], table['column']
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    expected = np.stack(labels.places(rows, columns), axis=1)
    moved = ~inside
    if len(place) == len(rows):
        far = np.abs(place - expected).max(axis=1) > labels.pixel_size() / 4
        moved |= far
    else:
        moved[:] = True  # a point without a place
    if moved.any():
        first = table['point'][moved][:_SHOWN].tolist()
        raise ValueError(
            f'{path}: {int(moved.sum())} points are not where they were '
            f'drawn, such as {first}; undo the move, or draw points again'
        )


def _clean(word: Any, names: Sequence[str]) -> str | None:
    """The class that a label means; '' for none, None if unknown."""
    text = '' if word is None else ' '.join(str(word).split()).casefold()
    known = {name.casefold(): name for name in names}
    known.setdefault(OTHER, OTHER)
    if text in known or not text:
        return known.get(text, '')
    if text.isdecimal() and int(text) < len(names):
        return names[int(text)]
    return None


def _strata_at(
    labels: LabelMap, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    stratum = np.zeros(len(rows), np.int64)
    for top, piece in labels.pieces():
        inside = (rows >= top) & (rows < top + len(piece))
        stratum[inside] = piece[rows[inside] - top, columns[inside]]
    return stratum


def _require(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ImportError(
            f'points need {name}; install it with: pip install shapely pyogrio'
        ) from error
