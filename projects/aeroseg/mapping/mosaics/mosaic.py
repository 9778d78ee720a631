# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Several rasters as one seamless scene on one grid, without a copy."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from aeroseg.mapping.reading.remote_scene import (
    Scene,
    VirtualScene,
    content,
    locate,
)

from .placing import choose_grid, place
from .raster import look, refuse_mixture
from .virtual_raster import stack_vrt, write_vrt

_AT_ONCE = 8  # rasters whose headers are read at a time
_NESTED = re.compile(r'VRTDataset>\s*, (?=band)')  # GDAL's name of a text


@dataclass(frozen=True)
class Mosaic(VirtualScene):
    """Rasters as one scene; made by :func:`make_mosaic`.

    It can be sent to other processes, which open it without the headers of
    its rasters. No file is written: a virtual raster (VRT) is opened by its
    text.

    Attributes:
        title (str): What messages call it.
        parts (tuple[Scene, ...]): The rasters; where they overlap, an
            earlier one covers a later one.
        vrt (str): The virtual raster. It holds the addresses of the parts.
        times (tuple[str, str] | None): When the first and the last of them
            was taken.
    """

    title: str
    parts: tuple[Scene, ...]
    vrt: str = field(repr=False)
    times: tuple[str, str] | None = None

    advice: ClassVar[str] = (
        'that its rasters are there and whole, the network and the credentials'
    )

    def __str__(self) -> str:
        return self.title

    @property
    def vsi(self) -> str:
        """See :class:`VirtualScene`."""
        return self.vrt

    @property
    def name(self) -> str:
        """See :class:`VirtualScene`."""
        return self.title

    @property
    def stem(self) -> str:
        """See :class:`VirtualScene`."""
        return self.title.replace(' ', '_')

    @property
    def files(self) -> list[Path]:
        """See :class:`VirtualScene`."""
        own = [part for part in self.parts if isinstance(part, Path)]
        return own + [file for part in self._others() for file in part.files]

    @property
    def tiled(self) -> bool:
        """See :class:`VirtualScene`."""
        return any(part.tiled for part in self._others())

    def lasts(self, text: str) -> bool:
        """See :class:`VirtualScene`."""
        return any(part.lasts(text) for part in self._others())

    def hide(self, text: str) -> str:
        """See :class:`VirtualScene`."""
        text = _NESTED.sub('', text.replace(self.vrt, self.title))
        for part in self._others():
            text = part.hide(text)
        return text

    def identity(self) -> dict[str, Any]:
        """See :class:`VirtualScene`; that of all parts in their order."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(content, self.parts))
        return {
            'parts': [
                {'source': str(part), **what}
                for part, what in zip(self.parts, found, strict=True)
            ]
        }

    def forget(self) -> None:
        """See :class:`VirtualScene`."""
        for part in self._others():
            part.forget()

    def _others(self) -> Iterable[VirtualScene]:
        return (p for p in self.parts if isinstance(p, VirtualScene))


def make_mosaic(
    scenes: Sequence[str | Scene],
    title: str = '',
    colours: Sequence[str] | None = None,
    times: tuple[str, str] | None = None,
) -> Scene:
    """Put rasters onto one grid.

    The grid is the one that most of the rasters have (the first one, if it
    is a tie). Rasters on it are read as they are, others are resampled
    (bilinear). Where rasters overlap, the first one in the list that has
    data there wins; pixels without data never win.

    Args:
        scenes (Sequence[str | Scene]): Files and addresses.
        title (str): What messages call it; '' names the number of rasters.
        colours (Sequence[str] | None): What the bands hold, such as 'red'
            and 'nir'; None takes what the files say.
        times (tuple[str, str] | None): When the first and the last of them
            was taken.

    Returns:
        Scene: A mosaic; a single raster stays what it is, unless `colours`
        say otherwise or `times` are known. Names for another number of
        bands do not count.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreachableError: If a raster is elsewhere and cannot be read.
        ValueError: If there are none, one is no raster or has no place on
            Earth, or they differ in bands or type of values.
    """
    parts = tuple(_absolute(locate(scene)) for scene in scenes)
    if not parts:
        raise ValueError('a mosaic needs at least one raster; none are given')
    single = len(parts) == 1 and times is None
    if single and colours is None:
        return parts[0]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        rasters = list(pool.map(look, parts))
    if colours is None or len(colours) != len(rasters[0].colours):
        colours = rasters[0].colours
    if single and tuple(colours) == rasters[0].colours:
        return parts[0]
    refuse_mixture(rasters)
    crs, transform = choose_grid(rasters)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        placed = list(
            pool.map(lambda raster: place(raster, crs, transform), rasters)
        )
    vrt = write_vrt(placed, crs, transform, colours)
    title = title or f'mosaic of {len(parts)} rasters'
    return Mosaic(title, parts, vrt, times)


def make_stack(
    scenes: Sequence[str | Scene], colours: Sequence[str], title: str
) -> Mosaic:
    """Put rasters of one band each on top of each other.

    Args:
        scenes (Sequence[str | Scene]): Files and addresses.
        colours (Sequence[str]): What they hold, such as 'red'.
        title (str): What messages call the stack.

    Raises:
        ValueError: If they have several bands, or differ in grid or type of
            values; or as of :func:`make_mosaic`.
    """
    parts = tuple(_absolute(locate(scene)) for scene in scenes)
    rasters = [look(part) for part in parts]
    refuse_mixture(rasters)
    grids = {(r.crs.to_wkt(), r.transform, r.shape) for r in rasters}
    if len(grids) > 1 or len(rasters[0].colours) != 1:
        told = '; '.join(
            f'{raster.scene} has {len(raster.colours)} band(s) of '
            f'{raster.shape[1]} x {raster.shape[0]} pixels'
            for raster in rasters
        )
        raise ValueError(
            f'the bands of {title} must be rasters of one band on one grid: '
            f'{told}'
        )
    return Mosaic(title, parts, stack_vrt(rasters, colours))


def _absolute(scene: Scene) -> Scene:
    return scene.absolute() if isinstance(scene, Path) else scene
