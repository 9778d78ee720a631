# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Tiles (XYZ, TMS) and a WMS on loopback, with the faults of real ones."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image
from rasterio.transform import Affine, from_origin

from .range_server import Handler

SIDE = 64
LEVEL = 12
COLUMN, ROW = 2130, 1360  # of the first tile
_EDGE = 20037508.342789244  # of Web Mercator, in metres
METRES = 2 * _EDGE / 2**LEVEL / SIDE
LEFT, TOP = COLUMN * SIDE * METRES - _EDGE, _EDGE - ROW * SIDE * METRES
_HTML = b'<html><body>Please log in.</body></html>' + b' ' * 99
_REFUSED = (
    b'<?xml version="1.0"?><ServiceExceptionReport><ServiceException>'
    b'no such layer</ServiceException></ServiceExceptionReport>'
)


def write_tiles(folder: Path, image: np.ndarray, kind: str = 'png') -> None:
    """Write an image (H, W, 3) as tiles, and as one file for the WMS."""
    height, width = image.shape[:2]
    for row in range(height // SIDE):
        for column in range(width // SIDE):
            top, left = row * SIDE, column * SIDE
            part = image[top : top + SIDE, left : left + SIDE]
            at = f'{LEVEL}/{COLUMN + column}/{ROW + row}.{kind}'
            path = folder / at
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(part).save(path)
    Image.fromarray(image).save(folder / 'whole.png')


def place(shape: tuple[int, int]) -> Affine:
    """Where GDAL finds an image (H, W) by its corners."""
    right, bottom = LEFT + shape[1] * METRES, TOP - shape[0] * METRES
    size = (right - LEFT) / shape[1], (TOP - bottom) / shape[0]
    return from_origin(LEFT, TOP, *size)


def describe(
    path: Path,
    server: str,
    shape: tuple[int, int],
    address: str = '${z}/${x}/${y}.png?token=secret-9876',
    more: str = '',
    service: str = 'TMS',
) -> Path:
    """Write the description of the tiles, or of the WMS, for GDAL."""
    height, width = shape
    tiles = f'<TileLevel>{LEVEL}</TileLevel><TileX>{COLUMN}</TileX>'
    tiles += f'<TileY>{ROW}</TileY><YOrigin>top</YOrigin>'
    path.write_text(
        f'<GDAL_WMS><Service name="{service}">'
        f'<ServerUrl>{server}/{address}</ServerUrl>'
        '<ImageFormat>image/png</ImageFormat><Layers>town</Layers>'
        '<SRS>EPSG:3857</SRS></Service><DataWindow>'
        f'<UpperLeftX>{LEFT!r}</UpperLeftX><UpperLeftY>{TOP!r}</UpperLeftY>'
        f'<LowerRightX>{LEFT + width * METRES!r}</LowerRightX>'
        f'<LowerRightY>{TOP - height * METRES!r}</LowerRightY>'
        f'{tiles if service == "TMS" else ""}'
        f'<SizeX>{width}</SizeX><SizeY>{height}</SizeY></DataWindow>'
        '<Projection>EPSG:3857</Projection>'
        f'<BlockSizeX>{SIDE}</BlockSizeX><BlockSizeY>{SIDE}</BlockSizeY>'
        f'<UserPwd>me:password</UserPwd>{more}</GDAL_WMS>'
    )
    return path


class TileHandler(Handler):
    """Tiles of a folder; `/wms` cuts from `whole.png`."""

    def do_GET(self) -> None:  # noqa: N802
        """A tile, or a part of the image."""
        asked = urlsplit(self.path)
        if self._take_fault():
            self._go_wrong()
        elif asked.path == '/wms':
            self._send(self._cut(parse_qs(asked.query)))
        else:
            super().do_GET()

    def _cut(self, asked: dict[str, Any]) -> bytes:
        given = {k.lower(): v[0] for k, v in asked.items()}
        west, south, east, north = map(float, given['bbox'].split(','))
        left, right = (round((x - LEFT) / METRES) for x in (west, east))
        top, bottom = (round((TOP - y) / METRES) for y in (north, south))
        size = int(given['width']), int(given['height'])
        with Image.open(self.folder / 'whole.png') as image:
            box = left, top, right, bottom
            part = image.crop(box)
            assert part.size == size
        kept = io.BytesIO()
        part.save(kept, 'png')
        return kept.getvalue()

    def _go_wrong(self) -> None:
        path = self.folder / urlsplit(self.path).path.lstrip('/')
        whole = path.read_bytes() if path.is_file() else b''
        if self.fault.isdecimal():
            self._refuse(int(self.fault))
        elif self.fault == 'cut':
            self._send(whole[: len(whole) // 2], len(whole))
            self.close_connection = True
        elif self.fault == 'half':
            self._send(whole[: len(whole) // 2])
        elif self.fault == 'html':
            self._send(_HTML)
        elif self.fault == 'refused':
            self._send(_REFUSED)
        else:
            self.close_connection = True  # without an answer

    def _send(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header('Content-Length', str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)
