# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import warnings
from pathlib import Path

import pytest
from rasterio.crs import CRS
from rasterio.errors import RasterioIOError
from rasterio.shutil import copy
from rasterio.warp import transform

from aeroseg.mapping.reading.gdal import gdal_errors, ignore_warning


def test_only_the_named_kind_is_ignored() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with ignore_warning(UserWarning):
            warnings.warn('quiet', UserWarning, stacklevel=1)
        with pytest.raises(UserWarning):
            warnings.warn('loud', UserWarning, stacklevel=1)
        with (
            pytest.raises(RuntimeWarning),
            ignore_warning(UserWarning),
        ):
            warnings.warn('other', RuntimeWarning, stacklevel=1)


def test_errors_without_a_public_name_get_one(tmp_path: Path) -> None:
    here = CRS.from_string('LOCAL_CS["x",UNIT["metre",1]]')
    there = CRS.from_epsg(4326)
    with (
        pytest.raises(ValueError, match=r'^scene: .*') as found,
        gdal_errors(ValueError, 'scene'),
    ):
        transform(here, there, [0], [0])
    assert type(found.value) is ValueError
    assert not isinstance(found.value.__cause__, ValueError)
    scene = tmp_path / 'a.tif'
    scene.write_bytes(b'no image')
    with (
        pytest.raises(OSError, match=r'^a\.tif: .*'),
        gdal_errors(OSError, 'a.tif'),
    ):
        copy(scene, tmp_path / 'b.tif', driver='GTiff')


def test_errors_of_others_pass() -> None:
    for error in (RasterioIOError('x'), OSError(28, 'full'), KeyError('x')):
        with pytest.raises(type(error)) as found, gdal_errors(RuntimeError):
            raise error
        assert found.value is error
