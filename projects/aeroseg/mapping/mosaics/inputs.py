# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The command line of scenes that are made of several rasters."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from aeroseg.mapping.aoi import read_area
from aeroseg.mapping.reading.remote_scene import Scene

logger = logging.getLogger(__name__)

_SEARCH = ('asset', 'collections', 'datetime')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags.

    Args:
        parser (argparse.ArgumentParser): The parser of the command.
    """
    group = parser.add_argument_group(
        'several rasters as one scene',
        'they may overlap and have different CRS; the first one with data '
        'wins, of STAC items the newest',
    )
    group.add_argument(
        '--mosaic',
        action='store_true',
        help='all inputs together are one scene',
    )
    group.add_argument(
        '--stac',
        metavar='SOURCE',
        help='the items of a STAC item, item collection, collection, '
        'catalogue (file or https address) or API are one scene',
    )
    group.add_argument(
        '--asset',
        metavar='KEY',
        help='asset of the items, or three for red, green and blue; default: '
        'the one in natural colours',
    )
    group.add_argument(
        '--collections',
        type=_names,
        metavar='A,B',
        help='only items of these collections; a STAC API is searched for '
        'them, inside --aoi',
    )
    group.add_argument(
        '--datetime',
        metavar='TIME',
        help='only items of that time: 2024-06, or 2024-05-01/2024-09-30',
    )


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(',') if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(
            f'{text!r} names no collection; give one or more, such as A,B'
        )
    return names


def gather(args: argparse.Namespace, scenes: Sequence[Scene]) -> list[Scene]:
    """The scenes of a command line, rasters of one scene put together.

    Args:
        args (argparse.Namespace): What :func:`add_arguments` declared, and
            `aoi`.
        scenes (Sequence[Scene]): The inputs.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If arguments exclude each other, or as of
            :func:`make_mosaic` and :func:`find_items`.
        UnreachableError: If something cannot be read.
    """
    if args.stac is None:
        given = vars(args)
        lost = [f'--{name}' for name in _SEARCH if given[name] is not None]
        if lost:
            raise ValueError(f'{" and ".join(lost)} goes with --stac SOURCE')
        if not args.mosaic or not scenes:
            return list(scenes)
        from .mosaic import make_mosaic  # needs the optional rasterio

        return [make_mosaic(scenes)]
    if scenes or args.mosaic:
        raise ValueError(
            '--stac names all rasters of the scene: leave out other inputs '
            'and --mosaic'
        )
    from .stac_assets import scene_of_items
    from .stac_items import find_items, time_of

    aoi = read_area(args.aoi) if args.aoi else None
    items = find_items(args.stac, aoi, args.collections or (), args.datetime)
    times = [time for time in map(time_of, items) if time is not None]
    logger.info(
        '%d STAC items%s; the newest wins',
        len(items),
        f' from {min(times):%Y-%m-%d} to {max(times):%Y-%m-%d}'
        if times
        else '',
    )
    path = PurePosixPath(urlsplit(args.stac).path)
    title = f'{len(items)} items of {path.name or args.stac}'
    return [scene_of_items(items, args.asset, title)]
