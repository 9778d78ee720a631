# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What to do with a scene."""

from dataclasses import asdict, dataclass, field
from typing import Any

from aeroseg.mapping.windows.tiling import Tiling

POLYGON_FORMATS = ('gpkg', 'geojson')


@dataclass(frozen=True)
class SceneOptions:
    """How a scene is read, predicted and written.

    Attributes:
        tiling (Tiling): Window, overlap, batch.
        bands (tuple[int, ...] | None): See :class:`RasterSource`.
        gsd (float | None): See :class:`RasterSource`.
        scale (float): See :class:`RasterSource`.
        stretch (str): See :class:`RasterSource`.
        scores (bool): Also write `scores.tif`.
        polygons (str | None): Also write 'gpkg' or 'geojson'.
        simplify (float): Tolerance of the polygons in pixels.
        overwrite (bool): Replace complete results, of the same run as well.
        progress (bool): Show a progress bar.

    Raises:
        ValueError: If the format of the polygons is unknown, or a number is
            out of range.
    """

    tiling: Tiling = field(default_factory=Tiling)
    bands: tuple[int, ...] | None = None
    gsd: float | None = None
    scale: float = 1.0
    stretch: str = 'auto'
    scores: bool = False
    polygons: str | None = None
    simplify: float = 1.0
    overwrite: bool = False
    progress: bool = True

    def __post_init__(self) -> None:
        if self.polygons not in (None, *POLYGON_FORMATS):
            raise ValueError(
                f'polygons as {self.polygons!r} are unknown; allowed are '
                f'{POLYGON_FORMATS}'
            )
        if not (self.simplify >= 0 and self.scale > 0):
            raise ValueError(
                f'simplify is {self.simplify} and scale {self.scale}; the one '
                'is at least 0 pixels, the other above 0'
            )

    def identity(self) -> dict[str, Any]:
        """The options that decide about the result."""
        values = asdict(self)
        for name in ('overwrite', 'progress'):
            del values[name]
        return values
