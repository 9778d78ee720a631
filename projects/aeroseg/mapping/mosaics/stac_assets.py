# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Which asset of a STAC item is the picture, and what its bands hold."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aeroseg.mapping.reading.remote_scene import Scene, is_remote, locate

from .mosaic import make_mosaic, make_stack
from .stac_items import time_of

_AT_ONCE = 8  # items whose headers are read at a time
_RGB = ('red', 'green', 'blue')
_SMALL = {'thumbnail', 'metadata', 'overview'}  # roles that are no scene
_SUFFIXES = ('.tif', '.tiff', '.jp2', '.vrt', '.png', '.jpg', '.jpeg')


def scene_of_items(
    items: Sequence[Any], asset: str | None = None, title: str = ''
) -> Scene:
    """Items as one scene; where they overlap, an earlier one wins.

    Args:
        items (Sequence[pystac.Item]): At least one.
        asset (str | None): Key of the asset; or three keys, 'red,green,blue',
            of assets with one band each. None looks for a picture in natural
            colours.
        title (str): What messages call the scene.

    Raises:
        ValueError: If an item has no such asset, or it is not clear which
            one is meant; or as of :func:`make_mosaic`.
        UnreachableError: If a raster cannot be read.
    """
    keys = asset.split(',') if asset else []
    if len(keys) not in (0, 1, 3):
        raise ValueError(
            f'{asset!r} names {len(keys)} assets; give one, or three for '
            'red, green and blue'
        )
    if len(keys) == 3:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            stacks = list(pool.map(lambda item: _stack(item, keys), items))
        return make_mosaic(stacks, title, None, _times(items))
    chosen = [keys[0] if keys else _picture(item) for item in items]
    scenes: list[Scene] = [
        _scene(item, key) for item, key in zip(items, chosen, strict=True)
    ]
    colours = {
        _colours(item.assets[key])
        for item, key in zip(items, chosen, strict=True)
    }
    if len(colours) > 1:
        raise ValueError(
            'the items have their bands in different orders: '
            + '; '.join(', '.join(names) or 'unknown' for names in colours)
            + '. Choose items of one kind'
        )
    return make_mosaic(scenes, title, colours.pop() or None, _times(items))


def _times(items: Sequence[Any]) -> tuple[str, str] | None:
    """The first and the last time of items."""
    known = [time for time in map(time_of, items) if time is not None]
    if not known:
        return None
    first, last = (
        time.astimezone(UTC).isoformat().replace('+00:00', 'Z')
        for time in (min(known), max(known))
    )
    return first, last


def _stack(item: Any, keys: Sequence[str]) -> Scene:
    return make_stack([_scene(item, key) for key in keys], _RGB, item.id)


def _picture(item: Any) -> str:
    """The key of the asset in natural colours."""
    rasters = {
        key: asset for key, asset in item.assets.items() if _is_raster(asset)
    }
    rules = (
        [k for k, a in rasters.items() if 'visual' in (a.roles or ())],
        [k for k in rasters if k == 'visual'],
        [k for k, a in rasters.items() if _colours(a)],
        [k for k, a in rasters.items() if 'data' in (a.roles or ())],
        list(rasters),
    )
    for found in rules:
        if len(found) == 1:
            return found[0]
    told = ', '.join(map(_described, rasters.items())) or 'none'
    raise ValueError(
        f'it is not clear which asset of {item.id} is the picture; name it '
        'with --asset KEY, or three of one band each with --asset '
        f'RED,GREEN,BLUE. Its rasters are: {told}'
    )


def _described(entry: tuple[str, Any]) -> str:
    key, asset = entry
    return f'{key} ({asset.title})' if asset.title else key


def _is_raster(asset: Any) -> bool:
    if _SMALL & set(asset.roles or ()):
        return False
    if asset.media_type:
        kind = asset.media_type.lower()
        return kind.startswith('image/') or 'geotiff' in kind
    return urlsplit(asset.href).path.lower().endswith(_SUFFIXES)


def _scene(item: Any, key: str) -> Scene:
    asset = item.assets.get(key)
    if asset is None:
        raise ValueError(
            f'the item {item.id} has no asset {key!r}; it has '
            f'{", ".join(item.assets) or "none"}'
        )
    href = asset.get_absolute_href() or asset.href
    if href.startswith('file://'):
        href = unquote(urlsplit(href).path)
    if '://' in href and not is_remote(href):
        raise ValueError(
            f'asset {key!r} of {item.id} lies at {href.split("?")[0]}, which '
            'cannot be read; allowed are files, https://, s3://, gs:// and '
            'az://'
        )
    return locate(href) if is_remote(href) else Path(href)


def _colours(asset: Any) -> tuple[str, ...]:
    """What the bands hold; empty unless red, green and blue are among them."""
    fields = asset.extra_fields
    bands = fields.get('bands') or fields.get('eo:bands') or ()
    names = [
        str(band.get('eo:common_name') or band.get('common_name') or '')
        for band in bands
    ]
    if not all(colour in names for colour in _RGB):
        return ()
    return tuple(name if name in _RGB else 'undefined' for name in names)
