# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The virtual raster (VRT) of a mosaic: a text that GDAL opens."""

from collections.abc import Iterable, Sequence
from itertools import chain
from xml.sax.saxutils import escape

from rasterio.crs import CRS
from rasterio.transform import Affine

from .placing import moved_to, refuse_size
from .raster import TYPES, Raster

Placed = tuple[Raster, tuple[int, int]]  # and its first column and row


def write_vrt(
    placed: Sequence[Placed],
    crs: CRS,
    transform: Affine,
    colours: Sequence[str],
) -> str:
    """The virtual raster of all rasters, the first on top.

    Args:
        placed (Sequence[Placed]): The rasters on one grid.
        crs (CRS): Of the grid.
        transform (Affine): Of the grid.
        colours (Sequence[str]): What the bands hold, as GDAL names it.

    Returns:
        str: XML.

    Raises:
        ValueError: If it has too many rows or columns.
    """
    left = min(column for _, (column, _) in placed)
    top = min(row for _, (_, row) in placed)
    width = max(c + r.shape[1] for r, (c, _) in placed) - left
    height = max(row + r.shape[0] for r, (_, row) in placed) - top
    refuse_size(width, height, 'the mosaic')
    first = placed[0][0]
    # Not a number where nothing is painted, as in rasters without a mark.
    bare = any(raster.bare for raster, _ in placed)
    empty = '<NoDataValue>nan</NoDataValue>' if bare else ''

    def sources(band: str) -> Iterable[str]:
        # What is painted last covers the others.
        for raster, (column, row) in reversed(placed):
            yield _source(raster, band, column - left, row - top)

    return _text(
        (width, height),
        crs,
        moved_to(transform, left, top),
        first.dtype,
        [(c, sources(str(n))) for n, c in enumerate(colours, 1)],
        sources('mask,1'),
        empty,
    )


def stack_vrt(rasters: Sequence[Raster], colours: Sequence[str]) -> str:
    """The virtual raster of bands that are a raster each.

    Args:
        rasters (Sequence[Raster]): On the same grid. The first one says
            where there is data.
        colours (Sequence[str]): What they hold, as GDAL names it.

    Returns:
        str: XML.
    """
    first = rasters[0]
    return _text(
        (first.shape[1], first.shape[0]),
        first.crs,
        first.transform,
        first.dtype,
        [
            (colour, [_source(raster, '1', 0, 0)])
            for raster, colour in zip(rasters, colours, strict=True)
        ],
        [_source(first, 'mask,1', 0, 0)],
        '<NoDataValue>nan</NoDataValue>' if first.bare else '',
    )


def _text(
    size: tuple[int, int],
    crs: CRS,
    transform: Affine,
    dtype: str,
    bands: Iterable[tuple[str, Iterable[str]]],
    mask: Iterable[str],
    empty: str,
) -> str:
    kind = TYPES[dtype]
    pieces: list[Iterable[str]] = [
        (
            f'<VRTDataset rasterXSize="{size[0]}" rasterYSize="{size[1]}">',
            f'<SRS>{escape(crs.to_wkt())}</SRS>',
            f'<GeoTransform>{_numbers(transform.to_gdal())}</GeoTransform>',
        )
    ]
    for number, (colour, sources) in enumerate(bands, 1):
        head = (
            f'<VRTRasterBand dataType="{kind}" band="{number}">'
            f'<ColorInterp>{colour.title()}</ColorInterp>{empty}'
        )
        pieces += [(head,), sources, ('</VRTRasterBand>',)]
    pieces += [
        ('<MaskBand><VRTRasterBand dataType="Byte">',),
        mask,
        ('</VRTRasterBand></MaskBand></VRTDataset>',),
    ]
    return ''.join(chain.from_iterable(pieces))


def _source(raster: Raster, band: str, column: int, row: int) -> str:
    height, width = raster.shape
    size = f'xSize="{width}" ySize="{height}"'
    rule = '<UseMaskBand>true</UseMaskBand>'
    if raster.bare and band != 'mask,1':
        rule = '<NODATA>nan</NODATA>'
    # Its size and type, so that GDAL opens it only when it is read.
    return (
        '<ComplexSource><SourceFilename relativeToVRT="0">'
        f'{escape(raster.source)}</SourceFilename>'
        f'<SourceBand>{band}</SourceBand>'
        f'<SourceProperties RasterXSize="{width}" RasterYSize="{height}" '
        f'DataType="{TYPES[raster.dtype]}" BlockXSize="{raster.block[1]}" '
        f'BlockYSize="{raster.block[0]}"/>'
        f'<SrcRect xOff="0" yOff="0" {size}/>'
        f'<DstRect xOff="{column}" yOff="{row}" {size}/>'
        f'{rule}</ComplexSource>'
    )


def _numbers(values: Iterable[float]) -> str:
    return ', '.join(repr(float(value)) for value in values)
