# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What to do with a scene: each option with its flag of the command line."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from aeroseg.mapping.aoi import Area, read_area
from aeroseg.mapping.windows.tiling import Tiling

POLYGON_FORMATS = ('gpkg', 'geojson', 'parquet')

_TILING_FLAGS = {
    'window': 'side of a window in pixels the model sees',
    'overlap': 'smallest overlap of two windows; default: 12 %% of the window',
    'margin': 'border of a window that is thrown away',
    'batch': 'windows per pass',
}


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a list of band numbers such as 1,2,3'
        ) from None


def rectangle(text: str) -> tuple[int, ...]:
    """Read first column, first row, width and height, as of `--crop`."""
    try:
        left, top, width, height = map(int, text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not first column, first row, width and height in '
            'pixels, such as 1000,2000,512,512'
        ) from None
    return left, top, width, height


def _option(value: Any, group: str, flag: str, **argument: Any) -> Any:
    """A field with its default and its flag, as `add_argument` takes it."""
    argument = {'default': value, **argument}
    flags = {'group': group, 'flag': flag, 'argument': argument}
    return field(default=value, metadata=flags)


@dataclass(frozen=True)
class SceneOptions:
    """How a scene is read, predicted and written.

    A new option is one field here: its flag is declared with it.

    Attributes:
        tiling (Tiling): Window, overlap, batch.
        bands (tuple[int, ...] | None): See :class:`RasterSource`.
        gsd (float | None): See :class:`RasterSource`.
        scale (float): See :class:`RasterSource`.
        stretch (str): See :class:`RasterSource`.
        allow_damaged (bool): See :class:`RasterSource`.
        crop (tuple[int, ...] | None): See :class:`RasterSource`.
        aoi (Area | None): See :class:`RasterSource`.
        scores (bool): Also write `scores.tif`.
        polygons (str | None): Also write 'gpkg', 'geojson' or 'parquet'.
        simplify (float): Tolerance of the polygons in pixels.
        stac_item (bool): Also write `item.json`, a STAC item.
        overwrite (bool): Replace complete results, of the same run as well.
        progress (bool): Show a progress bar.

    Raises:
        ValueError: If the format of the polygons is unknown, or a number is
            out of range.
    """

    tiling: Tiling = field(default_factory=Tiling)
    bands: tuple[int, ...] | None = _option(
        None,
        'reading',
        '--bands',
        type=_numbers,
        metavar='R,G,B',
        help='default: 1,2,3',
    )
    gsd: float | None = _option(
        None,
        'reading',
        '--gsd',
        type=float,
        metavar='METRES',
        help='ground resolution of the training images; the scene is '
        'resampled to it for the model',
    )
    scale: float = _option(
        1.0,
        'reading',
        '--scale',
        type=float,
        default=None,
        help="enlarge by this factor for the model; default: the config's",
    )
    stretch: str = _option(
        'auto',
        'reading',
        '--stretch',
        help='auto, none, minmax, percentile:P or LOW,HIGH; auto takes the '
        '2nd to 98th percentile unless the values are 8-bit',
    )
    allow_damaged: bool = _option(
        False,
        'reading',
        '--allow-damaged',
        action='store_true',
        help='map pixels that are damaged as well, with a note',
    )
    crop: tuple[int, ...] | None = _option(
        None,
        'reading',
        '--crop',
        type=rectangle,
        metavar='COL,ROW,WIDTH,HEIGHT',
        help='map only this part of the scene, in its pixels',
    )
    aoi: Area | None = _option(  # noqa: RUF009
        None,
        'reading',
        '--aoi',
        metavar='FILE',
        help='map only what lies in the polygons of this GeoJSON file',
    )
    scores: bool = _option(
        False,
        'writing',
        '--scores',
        action='store_true',
        help='also write scores.tif',
    )
    polygons: str | None = _option(
        None,
        'writing',
        '--polygons',
        nargs='?',
        const='gpkg',
        choices=POLYGON_FORMATS,
        help='also write polygons',
    )
    simplify: float = _option(
        1.0,
        'writing',
        '--simplify',
        type=float,
        metavar='PIXELS',
        help='tolerance of the polygons; 0 keeps every corner',
    )
    stac_item: bool = _option(
        False,
        'writing',
        '--stac-item',
        action='store_true',
        help='also write item.json, which describes the results for STAC',
    )
    overwrite: bool = _option(
        False,
        'writing',
        '--overwrite',
        action='store_true',
        help='replace complete results, of the same run as well',
    )
    progress: bool = _option(
        True,
        'writing',
        '--quiet',
        action='store_false',
        help='no progress bar, no notes',
    )

    def __post_init__(self) -> None:
        if self.polygons not in (None, *POLYGON_FORMATS):
            raise ValueError(
                f'polygons as {self.polygons!r} are unknown; allowed are '
                f'{POLYGON_FORMATS}'
            )
        if not (0 <= self.simplify < math.inf and 0 < self.scale < math.inf):
            raise ValueError(
                'simplify must be >= 0, scale > 0, both finite; got simplify '
                f'{self.simplify} and scale {self.scale}'
            )
        if self.gsd is not None and not 0 < self.gsd < math.inf:
            raise ValueError(
                f'gsd {self.gsd} must be a finite number of metres above 0'
            )

    @classmethod
    def add_arguments(
        cls, parser: argparse.ArgumentParser, without: Sequence[str] = ()
    ) -> None:
        """Add the flags of the options, in groups 'reading' and 'writing'.

        Args:
            parser (argparse.ArgumentParser): The parser of the command.
            without (Sequence[str]): Options, or groups, to leave out.
        """
        groups = {}
        for name in ('reading', 'writing'):
            if name not in without:
                groups[name] = parser.add_argument_group(name)
        for option in fields(cls):
            left_out = option.name in without
            if option.metadata.get('group') in groups and not left_out:
                groups[option.metadata['group']].add_argument(
                    option.metadata['flag'],
                    dest=option.name,
                    **option.metadata['argument'],
                )
        for name, text in _TILING_FLAGS.items():
            groups['reading'].add_argument(
                f'--{name}', type=int, metavar='N', help=text
            )

    @classmethod
    def from_args(
        cls, args: argparse.Namespace, tiling: Tiling, scale: float
    ) -> 'SceneOptions':
        """The options of a command line.

        Args:
            args (argparse.Namespace): What :meth:`add_arguments` declared.
            tiling (Tiling): Windows where the command line gives none. If it
                gives a window but no overlap, :class:`Tiling` chooses one.
            scale (float): Scale where it gives none.

        Raises:
            ValueError: If a value is out of range.
        """
        given = {k: v for k, v in vars(args).items() if v is not None}
        sizes = {name: given[name] for name in _TILING_FLAGS if name in given}
        if 'window' in sizes:
            sizes.setdefault('overlap', None)
        values: dict[str, Any] = {'scale': scale}
        values |= {
            f.name: given[f.name] for f in fields(cls) if f.name in given
        }
        if 'aoi' in values:
            values['aoi'] = read_area(values['aoi'])
        return cls(**values | {'tiling': replace(tiling, **sizes)})

    def identity(self) -> dict[str, Any]:
        """The options that determine the result."""
        values = asdict(self)
        for name in ('overwrite', 'progress'):
            del values[name]
        values['tiling']['overlap'] = self.tiling.shared
        if self.aoi is not None:
            values['aoi'] = self.aoi.digest
        return values
