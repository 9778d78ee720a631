# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Polygons as GeoParquet 1.1, a row group per block of the map."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

_CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


class GeoParquet:
    """A file that grows block by block; to be used in a `with` statement.

    Args:
        path (Path): The file to make.
        crs (CRS | None): Of the polygons.

    Raises:
        ImportError: If `pyarrow` is missing.
        OSError: If the file cannot be written.
    """

    def __init__(self, path: Path, crs: Any) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise ImportError(
                'polygons as GeoParquet need pyarrow; install it with: pip '
                "install 'aeroseg[stac]'"
            ) from error
        self._arrow = pyarrow
        self._crs = None if crs is None else crs.to_dict(projjson=True)
        self._bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        double = pyarrow.float64()
        self._box = pyarrow.struct([(name, double) for name in _CORNERS])
        self._schema = pyarrow.schema(
            [
                ('id', pyarrow.int32()),
                ('class', pyarrow.string()),
                ('geometry', pyarrow.binary()),
                ('bbox', self._box),
            ]
        )
        self._writer = parquet.ParquetWriter(
            path, self._schema, compression='zstd'
        )

    def __enter__(self) -> 'GeoParquet':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            told = json.dumps(self._metadata())
            self._writer.add_key_value_metadata({'geo': told})
        self._writer.close()

    def add(
        self, ids: np.ndarray, names: np.ndarray, geometry: np.ndarray
    ) -> None:
        """Append polygons.

        Args:
            ids (np.ndarray): (N,) class ids.
            names (np.ndarray): (N,) class names.
            geometry (np.ndarray): (N,) shapely polygons.
        """
        import shapely

        if not len(ids):
            return
        boxes = shapely.bounds(geometry)
        self._bounds[:2] = np.minimum(self._bounds[:2], boxes[:, :2].min(0))
        self._bounds[2:] = np.maximum(self._bounds[2:], boxes[:, 2:].max(0))
        sides = [self._arrow.array(side) for side in boxes.T]
        # Outer rings against the clock, as the standard recommends.
        turned = shapely.orient_polygons(geometry)
        columns = [
            self._arrow.array(ids.astype(np.int32)),
            self._arrow.array(names.tolist(), self._arrow.string()),
            self._arrow.array(
                shapely.to_wkb(turned).tolist(), self._arrow.binary()
            ),
            self._arrow.StructArray.from_arrays(sides, fields=list(self._box)),
        ]
        self._writer.write_table(
            self._arrow.Table.from_arrays(columns, schema=self._schema)
        )

    def _metadata(self) -> dict[str, Any]:
        column: dict[str, Any] = {
            'encoding': 'WKB',
            'geometry_types': ['Polygon'],
            'crs': self._crs,
            'orientation': 'counterclockwise',
            'covering': {'bbox': {name: ['bbox', name] for name in _CORNERS}},
        }
        if np.isfinite(self._bounds).all():
            column['bbox'] = self._bounds.tolist()
        return {
            'version': '1.1.0',
            'primary_column': 'geometry',
            'columns': {'geometry': column},
        }
