# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What a mosaic must know of a raster before it reads pixels."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import DatasetReader
from rasterio.transform import Affine

from aeroseg.mapping.reading.open_file import open_file
from aeroseg.mapping.reading.remote_scene import Scene, VirtualScene

# Types of values by their names in GDAL.
TYPES = {
    'uint8': 'Byte',
    'int8': 'Int8',
    'uint16': 'UInt16',
    'int16': 'Int16',
    'uint32': 'UInt32',
    'int32': 'Int32',
    'float32': 'Float32',
    'float64': 'Float64',
}


class Raster(NamedTuple):
    """What is known of a raster.

    Attributes:
        scene (Scene): The file, or its address.
        source (str): By which GDAL opens it.
        crs (CRS): Its coordinates.
        transform (Affine): From pixels to coordinates.
        shape (tuple[int, int]): (H, W).
        dtype (str): Type of its values.
        colours (tuple[str, ...]): What its bands hold, without alpha.
        block (tuple[int, int]): (h, w) of the blocks it is stored in.
        bare (bool): Whether pixels without data can only be nan.
    """

    scene: Scene
    source: str
    crs: CRS
    transform: Affine
    shape: tuple[int, int]
    dtype: str
    colours: tuple[str, ...]
    block: tuple[int, int]
    bare: bool


def opened(scene: Scene, stack: ExitStack) -> DatasetReader:
    """Open a raster, with GDAL's settings for it, as long as the stack.

    Args:
        scene (Scene): The file, or its address.
        stack (ExitStack): Closes it.
    """
    if isinstance(scene, VirtualScene):
        stack.enter_context(scene.settings())
    return stack.enter_context(open_file(scene))


def look(scene: Scene) -> Raster:
    """Read the header of a raster.

    Args:
        scene (Scene): The file, or its address.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreachableError: If it is elsewhere and cannot be read.
        ValueError: If it is no raster, has no place on Earth, or its values
            have a type that a mosaic cannot hold.
    """
    with ExitStack() as stack:
        data = opened(scene, stack)
        if data.crs is None:
            raise ValueError(
                f'{scene} is not georeferenced, so it has no place in a '
                'mosaic; leave it out, or give it a CRS and a transform'
            )
        if data.dtypes[0] not in TYPES:
            raise ValueError(
                f'{scene} holds values of type {data.dtypes[0]}; a mosaic '
                f'can hold {", ".join(TYPES)}'
            )
        colours = tuple(colour.name for colour in data.colorinterp)
        if colours[-1] == ColorInterp.alpha.name:
            colours = colours[:-1]
        return Raster(
            scene,
            scene.vsi if isinstance(scene, VirtualScene) else str(scene),
            data.crs,
            data.transform,
            data.shape,
            data.dtypes[0],
            colours,
            data.block_shapes[0],
            data.dtypes[0].startswith('float')
            and data.mask_flag_enums[0] == [MaskFlags.all_valid],
        )


def refuse_mixture(rasters: Sequence[Raster]) -> None:
    """Make sure that rasters have the same bands and type of values.

    Args:
        rasters (Sequence[Raster]): At least one.

    Raises:
        ValueError: If they differ; it names two of them.
    """
    first = rasters[0]
    for other in rasters[1:]:
        if (other.colours, other.dtype) != (first.colours, first.dtype):
            raise ValueError(
                f'the rasters of a mosaic must have the same bands: '
                f'{first.scene} has {_bands(first)}, {other.scene} has '
                f'{_bands(other)}. Predict them one by one, or convert one '
                'of them with gdal_translate (-b, -ot, -colorinterp)'
            )


def _bands(raster: Raster) -> str:
    return f'{raster.dtype} {", ".join(raster.colours)}'
