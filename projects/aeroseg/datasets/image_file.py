# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Decodes image files completely and finds damage that decoders hide."""

import io
import os
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
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
_LIBJPEG = (
    'Corrupt JPEG data',
    'Premature end of JPEG',
    'Inconsistent progression',
    'Invalid SOS',
)
_AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_one_at_a_time = threading.Lock()
_ORIENTATION = 0x0112  # EXIF
_COMPRESSION, _DEFLATE, _JPEG, _TABLES = 259, (8, 32946), 7, 347  # TIFF
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
    warns of, and libtiff does not check the end of a deflated part. Here every
    checksum of a PNG and of a deflated TIFF is computed, and libjpeg's
    warnings about a JPEG, also inside a TIFF, are damage.

    Args:
        content (bytes): The file.

    Returns:
        str | None: In words; None if nothing is found or the format is
        another one.
    """
    if content.startswith(_PNG):
        return _png_damage(content)
    if content.startswith(b'\xff\xd8'):
        return _jpeg_damage(content)
    if content[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'):
        return _tiff_damage(content)
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


def _tiff_damage(content: bytes) -> str | None:
    """Check the strips or tiles as what they are, zlib or JPEG streams."""
    try:
        tags = Image.open(io.BytesIO(content)).tag_v2  # type: ignore[attr-defined]
        kind = tags.get(_COMPRESSION)
        if kind not in (*_DEFLATE, _JPEG):
            return None
        places = _STRIPS if _STRIPS[0] in tags else _TILES
        tables = bytes(tags.get(_TABLES, b''))[:-2]
        for place, length in zip(*(tags[p] for p in places), strict=True):
            part = content[place : place + length]
            if part and kind == _JPEG:
                # The tables that all parts share come first.
                damage = _jpeg_damage(tables + part[2:] if tables else part)
                if damage:
                    return damage
            elif part:  # empty in a sparse file
                zlib.decompress(part)
    except zlib.error as error:
        return str(error)
    except (*_UNREADABLE, AttributeError):
        return None  # opening it says more
    return None


def _jpeg_damage(content: bytes) -> str | None:
    """What libjpeg warns of. OpenCV alone lets it speak, on stderr."""
    data = np.frombuffer(content, np.uint8)
    with _one_at_a_time, tempfile.TemporaryFile() as log:
        stderr = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            cv2.imdecode(
                data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            )
        except cv2.error:
            pass  # such as too many pixels; opening it says more
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        log.seek(0)
        told = log.read().decode(errors='replace')
    for line in told.splitlines():
        if line.startswith(_LIBJPEG):
            return line
    # The end may be cut off without a warning; cameras add data after it.
    return None if b'\xff\xd9' in content else 'the end of the JPEG is missing'


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
