# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Faults in the scenes that tools/predict.py is given."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import Affine, from_origin

from .fault import Fault
from .maps import Prepare, fault, finished, maps, predict
from .materials import pixels, write_scene

SMOOTH = pixels(20, 24).repeat(8, axis=0).repeat(8, axis=1)
DAMAGED = r'(damaged|truncated|not an image)'


def scene(values: np.ndarray | None = None, **profile: object) -> Prepare:
    """Write another `scene.tif`."""
    return lambda folder: write_scene(folder / 'scene.tif', values, **profile)


def data(content: bytes) -> Prepare:
    """Write bytes as `scene.tif`."""
    return lambda folder: (folder / 'scene.tif').write_bytes(content)


def _picture(name: str, **options: object) -> Prepare:
    return lambda folder: Image.fromarray(SMOOTH).save(
        folder / name, **options
    )  # type: ignore[arg-type]


def _raster(name: str, **profile: object) -> Prepare:
    return lambda folder: write_scene(folder / name, SMOOTH, **profile)


ENCODED: dict[str, tuple[str, Prepare]] = {
    'raw': ('a.tif', _raster('a.tif')),
    'deflate': ('a.tif', _raster('a.tif', compress='deflate')),
    'zstd tiles': (
        'a.tif',
        _raster('a.tif', compress='zstd', tiled=True, blockxsize=64,
                blockysize=64),
    ),
    'LZMA': ('a.tif', _raster('a.tif', compress='lzma')),
    'JPEG in TIFF': (
        'a.tif',
        _raster('a.tif', compress='jpeg', photometric='ycbcr', tiled=True,
                blockxsize=64, blockysize=64),
    ),
    'JPEG': ('a.jpg', _picture('a.jpg', quality=90)),
    'PNG': ('a.png', _picture('a.png')),
    'JPEG 2000': ('a.jp2', _raster('a.jp2', driver='JP2OpenJPEG',
                                   quality=100, reversible='yes')),
}  # fmt: skip


# No checksum covers these: the decoder gives pixels like any others.
UNSEEN = (
    ('raw', 'noise in the middle'),
    ('raw', 'second half zeros'),
    ('JPEG 2000', 'noise in the middle'),
)


def cut(share: float) -> Callable[[Path], None]:
    """Keep the first part of a file."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return damage


def noise(path: Path) -> None:
    """Replace a tenth of a file, in its middle, by noise."""
    content = bytearray(path.read_bytes())
    start, count = len(content) // 2, len(content) // 10
    noise = np.random.default_rng(1).integers(0, 255, count, np.uint8)
    content[start : start + count] = noise.tobytes()
    path.write_bytes(content)


def padded(path: Path) -> None:
    """Cut a file in half and fill it with zeros, as failed downloads do."""
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes(content[:half] + bytes(len(content) - half))


def _damaged() -> list[Fault]:
    ways = {
        'cut at a third': cut(0.3),
        'cut at nine tenths': cut(0.9),
        'noise in the middle': noise,
        'second half zeros': padded,
    }
    cases = []
    for kind, (name, write) in ENCODED.items():
        for way, damage in ways.items():
            if (kind, way) in UNSEEN:
                continue

            def prepare(
                folder: Path,
                write: Prepare = write,
                name: str = name,
                damage: Callable[[Path], None] = damage,
            ) -> None:
                write(folder)
                damage(folder / name)

            line = predict(scene=name)
            cases.append(fault(f'{kind}, {way}', DAMAGED, prepare, line))
    return cases


def _half_jpeg(folder: Path) -> None:
    ENCODED['JPEG'][1](folder)
    path = folder / 'a.jpg'
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b'\xff\xd9')


def _no_scene(make: Callable[[Path], object]) -> Prepare:
    def prepare(folder: Path) -> None:
        path = folder / 'scene.tif'
        path.unlink()
        make(path)

    return prepare


def _palette(folder: Path) -> None:
    picture = Image.fromarray(SMOOTH).quantize(16)
    picture.save(folder / 'a.png')


def _pages(folder: Path) -> None:
    pages = [Image.fromarray(pixels()), Image.fromarray(255 - pixels())]
    pages[0].save(folder / 'scene.tif', save_all=True, append_images=pages[1:])


def _mask(folder: Path) -> None:
    write_scene(folder / 'scene.tif')
    with rasterio.open(folder / 'scene.tif', 'r+') as file:
        file.write_mask(np.zeros((80, 96), np.uint8))


def _vrt(folder: Path) -> None:
    write_scene(folder / 'a.tif')
    with rasterio.open(folder / 'a.tif') as file:
        rasterio.shutil.copy(file, folder / 'b.vrt', driver='VRT')
    (folder / 'a.tif').unlink()


def _latin1(folder: Path) -> None:
    shutil.move(folder / 'scene.tif', os.fsencode(folder) + b'/caf\xe9.tif')


def _holes(low: int, value: int) -> np.ndarray:
    values = pixels()
    values[:40] = value
    values[40:] = np.maximum(values[40:], low)
    return values


def _typed(dtype: str, factor: float = 1) -> np.ndarray:
    return (pixels().astype(np.float64) * factor).astype(dtype)


BAND = np.full((80, 96, 3), np.nan, np.float32)
CONTENT = [
    fault('a text file', 'not an image', data(b'hello')),
    fault('an empty file', 'not an image', data(b'')),
    fault('a page of errors', 'not an image', data(b'<html>404</html>' * 99)),
    fault('an archive', 'not an image', data(b'PK\3\4' + bytes(500))),
    fault('a pickle', 'not an image', data(b'\x80\x04cos\nsystem\n.')),
    fault('the first 8 bytes', 'not an image', data(b'II*\0\x08\0\0\0')),
    fault('half of a JPEG with an end', DAMAGED, _half_jpeg,
          predict(scene='a.jpg')),
    fault('half of a JPEG, allowed', '', _half_jpeg,
          predict('--allow-damaged', scene='a.jpg'),
          done=finished(note='is damaged')),
    fault('a folder', 'holds no image', _no_scene(lambda p: p.mkdir())),
    fault('a link to itself', r'scene\.tif: Too many', _no_scene(
          lambda p: p.symlink_to(p.name))),
    fault('a broken link', r'scene\.tif: No such file', _no_scene(
          lambda p: p.symlink_to('gone'))),
    fault('a pipe', r'no file scene\.tif', _no_scene(os.mkfifo)),
    fault('a file of the system', 'not an image', arguments=predict(
          scene='/proc/self/status')),
    fault('a name of 300 letters', 'name too long', arguments=predict(
          scene='n' * 300)),
    fault('a name that is not UTF-8', 'not UTF-8', _latin1, predict(
          scene=os.fsdecode(b'caf\xe9.tif'))),
    fault('no such scene', r'no file no\.tif', arguments=predict(
          scene='no.tif')),
    fault('a VRT without its file', DAMAGED, _vrt, predict(scene='b.vrt')),
    fault('a palette', 'palette', _palette, predict(scene='a.png')),
    fault('two pages', '', _pages, done=maps(says='2 images')),
    fault('complex numbers', 'complex', scene(_typed('complex64'))),
    fault('16 bits', '', scene(_typed('uint16', 257)), done=finished(
          note='stretched')),
    fault('negative numbers', '', scene(_typed('int16', -100)),
          done=finished(note='stretched')),
    fault('64-bit floats', '', scene(_typed('float64', 1e-3)),
          done=finished(note='stretched')),
    fault('floats that are all nan', '', scene(BAND), done=maps(
          valid=np.zeros((80, 96), bool))),
    fault('floats up to 1e38', '', scene(_typed('float32', 1e36)),
          done=finished(note='stretched')),
    fault('floats with infinity', '', scene(np.where(
          pixels() > 250, np.inf, _typed('float32'))), done=finished()),
    fault('one value', '', scene(np.full((80, 96, 3), 7, np.uint16)),
          done=finished()),
    fault('stretch none for 16 bits', 'stretch "none"', scene(
          _typed('uint16')), predict('--stretch', 'none')),
    fault('one band', r'1 band.*--bands 1,1,1', scene(pixels()[..., :1])),
    fault('two bands', r'2 band', scene(pixels()[..., :2])),
    fault('four bands', '', scene(np.concatenate(
          [pixels(), pixels()[..., :1]], axis=2), photometric='RGB',
          alpha='no'), done=maps()),
]  # fmt: skip

_SIZES = ((1, 1), (1, 200), (200, 1), (63, 65), (2, 2))
PLACES = [
    *(fault(f'{height} x {width} pixels', '', scene(pixels(height, width)),
            done=maps(pixels(height, width)))
      for height, width in _SIZES),
    fault('all nodata', '', scene(np.zeros((80, 96, 3), np.uint8), nodata=0),
          done=maps(valid=np.zeros((80, 96), bool))),
    fault('nothing but a mask of zeros', '', _mask,
          done=maps(valid=np.zeros((80, 96), bool)), keeps=('*.png',)),
    fault('nodata nan of bytes', '', scene(nodata=None), done=maps()),
    fault('half is black without nodata', '', scene(_holes(1, 0)),
          done=finished('pure black', 'pure black')),
    fault('half is white without nodata', '', scene(_holes(0, 255)),
          done=finished('pure white', 'pure white')),
    fault('no CRS', '', scene(crs=None, transform=Affine.identity()),
          done=maps(says='not georeferenced')),
    fault('no CRS, but --gsd', 'georeferenced', scene(
          crs=None, transform=Affine.identity()), predict('--gsd', '0.5')),
    fault('degrees beyond the poles', '', scene(
          crs='EPSG:4326', transform=from_origin(500, 300, 1, 1)),
          done=finished(note='areas are given in pixels only')),
    fault('degrees partly beyond a pole', '', scene(
          crs='EPSG:4326', transform=from_origin(0, 120, 1, 1)),
          done=finished(note='areas are given in pixels only')),
    fault('UTM far outside of its zone', '', scene(
          transform=from_origin(9e9, 9e9, 1, 1)),
          done=finished(note='areas are given in pixels only')),
    fault('a local CRS', '', scene(
          crs='LOCAL_CS["here",UNIT["metre",1]]'),
          done=finished(note='areas are given in pixels only')),
    fault('GeoJSON of a local CRS', 'longitude and latitude', scene(
          crs='LOCAL_CS["here",UNIT["metre",1]]'),
          predict('--polygons', 'geojson')),
    fault('GeoJSON beyond the poles', 'longitude and latitude', scene(
          crs='EPSG:4326', transform=from_origin(0, 120, 1, 1)),
          predict('--polygons', 'geojson')),
    fault('GeoPackage beyond the poles', '', scene(
          crs='EPSG:4326', transform=from_origin(0, 120, 1, 1)),
          predict('--polygons', 'gpkg'), done=finished()),
    fault('pixels of no size', '', scene(
          transform=Affine(0, 0, 350000, 0, 0, 5640000)),
          done=finished(note='areas are given in pixels only')),
    fault('pixels of nan metres', '', scene(
          transform=Affine(np.nan, 0, 0, 0, -1, 0)),
          done=finished(note='areas are given in pixels only')),
    fault('south up', '', scene(
          transform=Affine(0.5, 0, 350000, 0, 0.5, 5640000)), done=maps()),
    fault('rotated', '', scene(
          transform=Affine(0.4, 0.3, 350000, 0.3, -0.4, 5640000)),
          predict('--polygons', 'geojson'), done=maps()),
    fault('pixels of 1000 km', '', scene(
          transform=from_origin(0, 0, 1e6, 1e6)), done=finished()),
]  # fmt: skip

WEB = (
    '<GDAL_WMS><Service name="TMS">'
    '<ServerUrl>http://127.0.0.1:9/${z}/${x}/${y}.png</ServerUrl></Service>'
    '<DataWindow><UpperLeftX>0</UpperLeftX><UpperLeftY>100</UpperLeftY>'
    '<LowerRightX>100</LowerRightX><LowerRightY>0</LowerRightY>'
    '<TileLevel>0</TileLevel><SizeX>64</SizeX><SizeY>64</SizeY></DataWindow>'
    '<BlockSizeX>64</BlockSizeX><BlockSizeY>64</BlockSizeY></GDAL_WMS>'
)


def web(old: str, new: str) -> Prepare:
    """Write `web.xml`, the description of a web map, with a change."""
    return lambda folder: (folder / 'web.xml').write_text(
        WEB.replace(old, new)
    )


def several(*inputs: str) -> tuple[str, ...]:
    """The command line of one map of several rasters."""
    return (*inputs, *predict()[1:])


STAC = '{"type": "FeatureCollection", "features": []}'
SEVERAL = [
    *(fault(f'a web map: {name}', r'web\.xml.*' + says, web(*change),
            predict(scene='web.xml'))
      for name, says, change in (
          ('offline mode', 'OfflineMode',
           ('</GDAL', '<OfflineMode>true</OfflineMode></GDAL')),
          ('a WMTS', 'WMTS', ('GDAL_WMS', 'GDAL_WMTS')),
          ('a bare &', '&amp;', ('${y}.png', '${y}.png?a=1&b=2')),
          ('cut in half', 'XML', (WEB[len(WEB) // 2 :], '')),
          ('no service', 'cannot be read', ('Service', 'Server')),
          ('an unknown service', 'cannot be read', ('"TMS"', '"TMX"')),
          ('a size of 10^12', 'cannot be read', ('<SizeX>64', '<SizeX>1' +
                                                 '0' * 12)),
          ('missing tiles in 5 bands', 'DataValues',
           ('</GDAL', '<ZeroBlockHttpCodes>404</ZeroBlockHttpCodes>'
            '<BandsCount>5</BandsCount></GDAL')))),
    *(fault(f'several rasters: {" ".join(line)}', says,
            lambda folder: (folder / 'items.json').write_text(STAC),
            several(*line))
      for line, says in (
          (('--mosaic', 'scene.tif', 'names.txt'), r'names\.txt'),
          (('--mosaic', 'scene.tif', 'picture.png'), 'georeferenced'),
          (('--mosaic', 'scene.tif', 'no.tif'), r'no\.tif'),
          (('scene.tif', '--stac', 'items.json'), 'other inputs'),
          (('--stac', 'items.json'), 'holds no item'),
          (('--stac', 'scene.tif'), r'scene\.tif is no STAC'),
          (('--stac', 'no.json'), r'no\.json'),
          (('--stac', 'items.json', '--datetime', '2024-13'), 'no time'),
          (('scene.tif', '--datetime', '2024'), 'goes with --stac'),
          (('scene.tif', '--collections', ','), 'names no collection'))),
]  # fmt: skip

CASES = [*_damaged(), *CONTENT, *PLACES, *SEVERAL]
