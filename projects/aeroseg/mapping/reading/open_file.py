# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Opening a raster, and the sentences for those that cannot be read."""

from rasterio import open as open_raster
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from aeroseg.errors import reason
from aeroseg.files import require_utf8

from .gdal import ignore_warning
from .remote_scene import Scene, UnreachableError, VirtualScene


def open_file(path: Scene) -> DatasetReader:
    """Open a raster.

    Args:
        path (Scene): The file, or what GDAL opens by a name.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreachableError: If it is on another machine and cannot be read.
        ValueError: If it is not a raster.
    """
    if isinstance(path, VirtualScene):
        try:
            with path.settings(), ignore_warning(NotGeoreferencedWarning):
                return open_raster(path.vsi)
        except RasterioError as error:
            raise unreachable(path, error, 'at all') from None
    require_utf8(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        with ignore_warning(NotGeoreferencedWarning):
            return open_raster(path)
    except RasterioError as error:
        raise ValueError(
            f'{path} is not an image that GDAL can read ({error}); allowed '
            'are GeoTIFF, PNG, JPEG and other raster formats'
        ) from error


def unreachable(
    path: VirtualScene, error: Exception, place: str
) -> UnreachableError:
    """The error for what cannot be read now.

    Args:
        path (VirtualScene): It.
        error (Exception): Of GDAL.
        place (str): Where in it.
    """
    # Its causes are not chained: their text may hold a signature.
    return UnreachableError(
        f'{path} cannot be read {place} ({path.hide(reason(error))}). Check '
        f'{path.advice}, then run again; what was finished before is kept'
    )
