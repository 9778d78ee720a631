# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Decodes image files completely and finds damage that decoders hide."""

import importlib.util
import io
import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile, UnidentifiedImageError

from aeroseg.errors import reason

_PNG = b'\x89PNG\r\n\x1a\n'
# What Pillow raises on files that are no images, or only half of one.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
)
_STRIP = 512  # rows that are decoded at a time
_ORIENTATION = 0x0112  # EXIF
_COMPRESSION, _DEFLATE = 259, (8, 32946)  # TIFF
_STRIPS, _TILES = (273, 279), (324, 325)  # offsets and lengths in bytes
_SUBFILE = 254  # TIFF: what a further picture of the file is for


def open_image(
    content: bytes, path: object, allow_damaged: bool = False
) -> Image.Image:
    """Decode an image completely.

    Args:
        content (bytes): The file.
        path (object): Named in the error.
        allow_damaged (bool): Take what can be decoded of a damaged file.
            Default: False.

    Returns:
        Image.Image: With all pixels in memory.

    Raises:
        ValueError: If the file is damaged, no image, holds several pictures,
            or is stored turned.
    """
    damage = None if allow_damaged else find_damage(content)
    if damage:
        raise ValueError(
            f'{path} cannot be read in full, it is damaged: {damage}. '
            'Download or write it again'
        )
    try:
        with _tolerant(allow_damaged):
            image = Image.open(io.BytesIO(content))
            image.load()
    except Image.DecompressionBombError as error:
        raise ValueError(
            f'{path} has more pixels than can be read at once ({error}). Cut '
            'it into parts, for example with gdal_translate -srcwin'
        ) from error
    except UnidentifiedImageError as error:
        raise ValueError(
            f'{path} cannot be read as an image: it has no known format. '
            'Download or write it again'
        ) from error
    except _UNREADABLE as error:
        raise ValueError(
            f'{path} cannot be read as an image: {reason(error)}. The file is '
            'damaged or not an image; download or write it again'
        ) from error
    _check_one_picture(image, path)
    return image


def find_damage(content: bytes) -> str | None:
    """What is wrong with a file that decoders read without an error.

    Pillow checks neither the checksums of a PNG nor reports what libjpeg
    warns of. Every checksum of a PNG, and of the deflated parts of a TIFF, is
    computed. A JPEG must have its end marker; where rasterio is installed,
    JPEG and TIFF are decoded by GDAL with warnings as errors.

    Args:
        content (bytes): The file.

    Returns:
        str | None: In words; None if nothing is found or the format is
        another one.
    """
    if content.startswith(_PNG):
        return _png_damage(content)
    is_jpeg = content.startswith(b'\xff\xd8')
    # Some cameras add data after the end, so it may be anywhere.
    if is_jpeg and b'\xff\xd9' not in content:
        return 'the end of the JPEG is missing'
    if is_jpeg:
        return _gdal_damage(content)
    if content[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'):
        return _deflate_damage(content) or _gdal_damage(content)
    return None


def _png_damage(content: bytes) -> str | None:
    place = len(_PNG)
    while place + 12 <= len(content):
        length, kind = struct.unpack_from('>I4s', content, place)
        end = place + 8 + length
        if end + 4 > len(content):
            break
        (checksum,) = struct.unpack_from('>I', content, end)
        if zlib.crc32(content[place + 4 : end]) != checksum:
            return f'wrong checksum of the PNG at byte {place}'
        if kind == b'IEND':
            return None
        place = end + 4
    return 'the end of the PNG is missing'


def _deflate_damage(content: bytes) -> str | None:
    """Check what libtiff does not: the checksum of every strip or tile."""
    try:
        tags = Image.open(io.BytesIO(content)).tag_v2  # type: ignore[attr-defined]
        if tags.get(_COMPRESSION) not in _DEFLATE:
            return None
        kind = _STRIPS if _STRIPS[0] in tags else _TILES
        parts = zip(*(tags[tag] for tag in kind), strict=True)
        for place, length in parts:
            if length:  # 0 in a sparse file
                zlib.decompress(content[place : place + length])
    except zlib.error as error:
        return str(error)
    except (*_UNREADABLE, AttributeError):
        return None  # opening it says more
    return None


def _gdal_damage(content: bytes) -> str | None:
    if importlib.util.find_spec('rasterio') is None:
        return None
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.io import MemoryFile
    from rasterio.windows import Window

    try:
        with (
            warnings.catch_warnings(action='ignore'),
            rasterio.Env(GDAL_ERROR_ON_LIBJPEG_WARNING='YES'),
            MemoryFile(content, filename='image') as memory,
            memory.open() as data,
            _warnings_of_gdal() as told,
        ):
            for row in range(0, data.height, _STRIP):
                rows = min(_STRIP, data.height - row)
                data.read(window=Window(0, row, data.width, rows))
    except (RasterioError, OSError) as error:
        return reason(error)
    return told[0] if told else None


@contextmanager
def _warnings_of_gdal() -> Iterator[list[str]]:
    """Collect what GDAL and the libraries below it warn of."""
    told: list[str] = []
    logger = logging.getLogger('rasterio')
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield told
    finally:
        logger.propagate = propagate
        logger.removeHandler(handler)


@contextmanager
def _tolerant(allow_damaged: bool) -> Iterator[None]:
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = allow_damaged
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _check_one_picture(image: Image.Image, path: object) -> None:
    turned = image.getexif().get(_ORIENTATION, 1)
    if turned not in (0, 1):
        raise ValueError(
            f'{path} is stored turned or mirrored (EXIF orientation '
            f'{turned}), so programs disagree where its pixels are; store it '
            'upright, for example with PIL.ImageOps.exif_transpose'
        )
    pages = 0
    for frame in range(getattr(image, 'n_frames', 1)):
        image.seek(frame)
        # Overviews (1) and masks (4) of a GeoTIFF are no pages.
        tags = getattr(image, 'tag_v2', {})
        pages += not int(tags.get(_SUBFILE, 0)) & 0b101
    image.seek(0)
    image.load()
    if pages > 1:
        raise ValueError(
            f'{path} holds {pages} pictures; give a file with one'
        )
