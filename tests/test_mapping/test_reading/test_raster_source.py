# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from aeroseg.mapping.reading.raster_source import RasterSource

Write = Callable[..., Path]


def test_rows_masks_and_notes(pixels: np.ndarray, write_scene: Write) -> None:
    source = RasterSource(write_scene(pixels))
    image, valid = source.read(20, 50)
    assert (image == pixels[20:50].transpose(2, 0, 1)).all()
    assert valid.all()
    assert source.notes == []
    assert source.georeferenced


def test_nodata_is_where_all_bands_have_it(
    pixels: np.ndarray, write_scene: Write
) -> None:
    pixels = np.maximum(pixels, 1)
    pixels[:20, :30] = 0
    pixels[40, 40] = (0, 5, 5)
    source = RasterSource(write_scene(pixels, nodata=0))
    valid = source.valid(0, 150)
    expected = np.ones((150, 110), bool)
    expected[:20, :30] = False
    assert (valid == expected).all()


def test_alpha_and_nan_mark_missing_data(
    pixels: np.ndarray, write_scene: Write
) -> None:
    alpha = np.full((150, 110, 1), 255, np.uint8)
    alpha[:9] = 0
    path = write_scene(np.concatenate([pixels, alpha], axis=2))
    with rasterio.open(path, 'r+') as data:
        kinds = ['red', 'green', 'blue', 'alpha']
        data.colorinterp = [ColorInterp[kind] for kind in kinds]
    assert not RasterSource(path).valid(0, 9).any()
    assert RasterSource(path).valid(9, 150).all()

    values = pixels.astype(np.float32)
    values[3, 4, 1] = np.nan
    valid = RasterSource(write_scene(values, 'f.tif')).valid(2, 6)
    assert np.argwhere(~valid).tolist() == [[1, 4]]


def test_bands_follow_the_colours_of_the_file(
    pixels: np.ndarray, write_scene: Write
) -> None:
    path = write_scene(pixels[..., ::-1])
    with rasterio.open(path, 'r+') as data:
        kinds = ['blue', 'green', 'red']
        data.colorinterp = [ColorInterp[kind] for kind in kinds]
    source = RasterSource(path)
    assert source.bands == [3, 2, 1]
    assert (source.read(0, 9)[0] == pixels[:9].transpose(2, 0, 1)).all()
    assert RasterSource(path, bands=(1, 1, 2)).bands == [1, 1, 2]


def test_sixteen_bit_is_stretched_alike_in_all_rows(
    pixels: np.ndarray, write_scene: Write
) -> None:
    values = pixels.astype(np.uint16) * 40
    source = RasterSource(write_scene(values), stretch='0,10200')
    assert (source.read(0, 150)[0] == pixels.transpose(2, 0, 1)).all()
    assert (source.read(77, 78)[0] == pixels[77:78].transpose(2, 0, 1)).all()
    assert 'stretched' in source.notes[0]
    assert (source.thumbnail(150) == pixels).all()


def test_gsd_resamples_to_metres_on_the_ground(
    pixels: np.ndarray, write_scene: Write
) -> None:
    source = RasterSource(write_scene(pixels), gsd=1.0)
    assert source.grid == pytest.approx((75, 55), abs=1)
    assert source.shape == (150, 110)
    assert 'resampled from 0.5 x 0.5 m to 1 m' in source.notes[0]
    whole = source.read(0, source.grid[0])[0]
    part = source.read(30, 60)[0]
    assert np.abs(whole[:, 30:60].astype(int) - part).max() <= 2
    mean = pixels[60:120].reshape(30, 2, 55, 2, 3).mean((1, 3))
    assert np.abs(part.transpose(1, 2, 0) - mean).max() <= 2


def test_gsd_and_scale_multiply(
    pixels: np.ndarray, write_scene: Write
) -> None:
    source = RasterSource(write_scene(pixels), gsd=1.0, scale=1.5)
    assert source.grid == pytest.approx((112, 82), abs=1)


def test_degrees_and_web_mercator_are_resampled_by_true_size(
    pixels: np.ndarray, write_scene: Write
) -> None:
    degrees = from_origin(7.0, 60.0, 1e-5, 1e-5)
    path = write_scene(pixels, crs='EPSG:4326', transform=degrees)
    # 1e-5 degrees are 1.11 m down and, at 60 degrees north, 0.56 m across.
    assert RasterSource(path, gsd=0.5).grid == pytest.approx((334, 122), abs=1)
    mercator = from_origin(779236, 8399737, 1, 1)  # 60 degrees north
    path = write_scene(pixels, crs='EPSG:3857', transform=mercator)
    assert RasterSource(path, gsd=0.5).grid == pytest.approx((150, 110), abs=1)


def test_ordinary_images_have_no_place(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / 'a.png'
    Image.fromarray(pixels).save(path)
    source = RasterSource(path)
    assert not source.georeferenced
    assert 'not georeferenced' in source.notes[0]
    assert source.pixel_areas is None
    assert source.resolution is None
    with pytest.raises(ValueError, match='georeferenced file'):
        RasterSource(path, gsd=0.5)


def test_pixel_areas(pixels: np.ndarray, write_scene: Write) -> None:
    areas = RasterSource(write_scene(pixels)).pixel_areas
    assert areas is not None
    assert areas.tolist() == [0.25] * 150


def test_coordinates_without_a_place_on_earth(
    pixels: np.ndarray, write_scene: Write
) -> None:
    path = write_scene(pixels, crs='LOCAL_CS["x",UNIT["metre",1]]')
    source = RasterSource(path)
    assert source.georeferenced
    assert source.resolution is None
    assert source.pixel_areas is None
    assert 'no known place on Earth' in source.notes[0]
    with pytest.raises(ValueError, match=r'ground resolution of 0\.5 m'):
        RasterSource(path, gsd=0.5)
    place = RasterSource(write_scene(pixels, name='b.tif'))
    assert place.resolution == pytest.approx((0.5, 0.5), rel=1e-3)


@pytest.mark.parametrize('gsd', [0.0, -1.0, float('nan'), 1e-4])
def test_ground_resolutions_that_cannot_be_meant(
    pixels: np.ndarray, write_scene: Write, gsd: float
) -> None:
    with pytest.raises(ValueError, match='resolution'):
        RasterSource(write_scene(pixels), gsd=gsd)


def test_complex_and_palette_values_are_refused(
    pixels: np.ndarray, write_scene: Write, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match='complex numbers'):
        RasterSource(write_scene(pixels.astype(np.complex64)))
    Image.fromarray(pixels).convert('P').save(tmp_path / 'p.png')
    with pytest.raises(ValueError, match='-expand rgb'):
        RasterSource(tmp_path / 'p.png')


def test_files_that_are_no_images_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'a.tif'
    path.write_text('not an image')
    with pytest.raises(ValueError, match=r'a\.tif is not an image'):
        RasterSource(path)
    with pytest.raises(FileNotFoundError, match='no file'):
        RasterSource(tmp_path / 'b.tif')


def test_one_band_is_refused_unless_asked_for(
    pixels: np.ndarray, write_scene: Write
) -> None:
    path = write_scene(pixels[..., :1])
    with pytest.raises(ValueError, match=r'1 band.*--bands 1,1,1'):
        RasterSource(path)
    assert RasterSource(path, bands=(1, 1, 1)).read(0, 9)[0].shape[0] == 3


def test_truncated_file_names_the_row(
    pixels: np.ndarray, write_scene: Write
) -> None:
    path = write_scene(np.tile(pixels, (8, 1, 1)), compress='deflate')
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ValueError, match=r'row 1100 on.*truncated'):
        RasterSource(path).read(1100, 1200)


def _half_decoded(folder: Path, pixels: np.ndarray) -> Path:
    path = folder / 'half.jpg'
    Image.fromarray(pixels).save(path, quality=90)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b'\xff\xd9')
    return path


def test_pixels_that_libjpeg_makes_up_are_refused(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    path = _half_decoded(tmp_path, pixels)
    with (
        RasterSource(path) as source,
        pytest.raises(
            ValueError, match=r'half\.jpg is damaged.*allow-damaged'
        ),
    ):
        source.read(0, 150)


def test_a_damaged_image_may_be_allowed(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    path = _half_decoded(tmp_path, pixels)
    with RasterSource(path, allow_damaged=True) as source:
        for _ in range(2):
            source.read(0, 150)
        damaged = [note for note in source.notes if 'is damaged' in note]
    assert len(damaged) == 1


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b'caf\xe9.tif')
    with pytest.raises(ValueError, match=r'caf\\udce9\.tif is not UTF-8'):
        RasterSource(path)


def test_coordinates_beyond_a_pole_give_no_areas(
    pixels: np.ndarray, write_scene: Write
) -> None:
    place = from_origin(0, 120, 1, 1)
    path = write_scene(pixels, crs='EPSG:4326', transform=place)
    with RasterSource(path) as source:
        assert source.pixel_areas is None
        assert 'areas are given in pixels only' in source.notes[0]


def test_the_first_of_several_images_is_named(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    first, second = (Image.fromarray(p) for p in (pixels, 255 - pixels))
    path = tmp_path / 'a.tif'
    first.save(path, save_all=True, append_images=[second])
    with RasterSource(path) as source:
        assert source.notes[0].startswith('a.tif holds 2 images')


def test_a_crop_reads_what_a_file_cut_out_would(
    pixels: np.ndarray, write_scene: Write
) -> None:
    path = write_scene(pixels)
    crop = RasterSource(path, crop=(10, 20, 70, 90), scale=0.5)
    there = from_origin(350000 + 10 * 0.5, 5640000 - 20 * 0.5, 0.5, 0.5)
    cut = write_scene(pixels[20:110, 10:80], 'cut.tif', transform=there)
    alone = RasterSource(cut, scale=0.5)
    assert crop.shape == alone.shape == (90, 70)
    assert crop.grid == alone.grid
    assert crop.transform == alone.transform == there
    assert (crop.read(5, 40)[0] == alone.read(5, 40)[0]).all()
    assert crop.valid(10, 30).shape == (20, 70)
    assert (crop.thumbnail(30) == alone.thumbnail(30)).all()
    assert crop.pixel_areas is not None
    assert crop.pixel_areas.shape == (90,)


def test_a_crop_keeps_the_stretch_of_the_whole_file(
    pixels: np.ndarray, write_scene: Write
) -> None:
    values = pixels.astype(np.uint16) * np.arange(1, 151)[:, None, None]
    path = write_scene(values.astype(np.uint16))
    whole, part = RasterSource(path), RasterSource(path, crop=(0, 0, 9, 9))
    assert part.stretch == whole.stretch


@pytest.mark.parametrize(
    'crop', [(-1, 0, 5, 5), (0, 0, 0, 5), (0, 0, 111, 5), (100, 0, 11, 5)]
)
def test_a_crop_must_be_inside_the_file(
    pixels: np.ndarray, write_scene: Write, crop: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match='110 x 150'):
        RasterSource(write_scene(pixels), crop=crop)
