# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The scenes that the page offers, and those that users upload."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import transform

from aeroseg.apis.scene_list import find_scenes
from aeroseg.files import atomic_path
from aeroseg.mapping.reading.gdal import ignore_warning
from aeroseg.mapping.reading.pixel_area import to_map
from aeroseg.mapping.reading.raster_source import RasterSource
from aeroseg.mapping.reading.remote_scene import Scene, content

from .tiles import levels, locate_tile, picture_tile

# Formats that refer to no other file, so that an upload cannot read one.
_UPLOADS = {
    'GTiff': '.tif',
    'PNG': '.png',
    'JPEG': '.jpg',
    'JP2OpenJPEG': '.jp2',
    'WEBP': '.webp',
}
_OPEN = 4  # scenes that are kept open


class UnknownNameError(KeyError):
    """There is no scene, or no job, of a name that was asked for."""


class _Open(NamedTuple):
    source: RasterSource
    content: dict[str, Any]


class Scenes:
    """Scenes by a short name that URLs use; nothing else can be read.

    Args:
        inputs (Sequence[str]): Files, folders and globs of the command line.
        uploads (Path): Folder for what users upload.
        bands (Sequence[int] | None): See :class:`RasterSource`.
        stretch (str): See :class:`RasterSource`.
        limit (int): The largest upload in bytes; 0 allows none.

    Raises:
        FileNotFoundError: If an input does not exist.
        ValueError: If a folder holds no image.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        uploads: Path,
        bands: Sequence[int] | None = None,
        stretch: str = 'auto',
        limit: int = 2**29,
    ) -> None:
        self.uploads = uploads
        self.bands = bands
        self.stretch = stretch
        self.limit = limit
        self._paths: dict[str, Scene] = {}
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._lock = Lock()
        for path in find_scenes(inputs):
            self._add(path)
        for path in sorted(uploads.glob('*.*')) if uploads.is_dir() else ():
            if path.suffix in _UPLOADS.values() and path.is_file():
                self._add(path)

    def _add(self, path: Scene) -> str:
        stem = re.sub(r'[^A-Za-z0-9_-]+', '-', Path(path.name).stem)[:40]
        digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
        name = f'{stem.strip("-") or "scene"}-{digest[:8]}'
        self._paths[name] = path
        return name

    @property
    def names(self) -> list[str]:
        """The short names, in the order of the command line."""
        return list(self._paths)

    def path(self, name: str) -> Scene:
        """The file of a scene.

        Raises:
            UnknownNameError: If there is no such scene.
        """
        if name not in self._paths:
            raise UnknownNameError(name)
        return self._paths[name]

    def source(self, name: str) -> RasterSource:
        """An open scene; the last few stay open until a local file changes.

        Raises:
            UnknownNameError: If there is no such scene.
            UnreachableError: If the file is gone.
            ValueError: If it cannot be read.
        """
        path = self.path(name)
        with self._lock:
            found = self._open.pop(name, None)
            # A server would be asked for every tile.
            now = content(path) if isinstance(path, Path) else {}
            if found is None or found.content != now:
                source = RasterSource(
                    path, self.bands, stretch=self.stretch, allow_damaged=True
                )
                found = _Open(source, now)
            self._open[name] = found
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)
            return found.source

    def describe(self, name: str) -> dict[str, Any]:
        """What the page needs to know of a scene.

        Raises:
            UnknownNameError: If there is no such scene.
            ValueError: If it cannot be read.
        """
        source = self.source(name)
        height, width = source.shape
        resolution = source.resolution
        return {
            'id': name,
            'name': self.path(name).name,
            'width': width,
            'height': height,
            'levels': levels(source.shape),
            'resolution': None if resolution is None else resolution[1],
            'notes': source.notes,
        }

    def tile(self, name: str, z: int, x: int, y: int) -> bytes | None:
        """A tile as PNG; None if there is no such tile.

        Raises:
            UnknownNameError: If there is no such scene.
            ValueError: If it cannot be read.
        """
        source = self.source(name)
        tile = locate_tile(source.shape, z, x, y)
        return tile and picture_tile(*source.look(*tile))

    def place(self, name: str, column: float, row: float) -> Any:
        """Longitude and latitude of a pixel; None where unknown."""
        source = self.source(name)
        if source.resolution is None:
            return None
        x, y = to_map(source.transform, np.array(column), np.array(row))
        with suppress(RasterioError):
            longitude, latitude = transform(
                source.data.crs, 'EPSG:4326', [float(x)], [float(y)]
            )
            return [longitude[0], latitude[0]]
        return None

    def keep_upload(self, name: str, upload: Path) -> str:
        """Check a file that was uploaded, and offer it.

        Args:
            name (str): As the user calls it.
            upload (Path): The file, which is moved.

        Returns:
            str: The short name.

        Raises:
            ValueError: If it is no raster of an allowed format.
        """
        suffix = _suffix_of(upload)
        if suffix is None:
            raise ValueError(
                f'{name} is not an image that can be uploaded; allowed are '
                'GeoTIFF, PNG, JPEG, JPEG 2000 and WebP'
            )
        RasterSource(upload, self.bands, stretch=self.stretch).data.close()
        digest = hashlib.sha256(upload.read_bytes()).hexdigest()[:8]
        stem = re.sub(r'[^\w-]+', '-', Path(name).stem)[:40].strip('-')
        target = self.uploads / f'{stem or "upload"}-{digest}{suffix}'
        with atomic_path(target) as part:
            upload.replace(part)
        return self._add(target)


def _suffix_of(path: Path) -> str | None:
    """The suffix of a file's format; None if it may not be uploaded."""
    for driver, suffix in _UPLOADS.items():
        with (
            suppress(RasterioError),
            ignore_warning(NotGeoreferencedWarning),
            rasterio.open(path, driver=driver),
        ):
            return suffix
    return None
