# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Items of a STAC catalogue: from a file, an address or a search."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aeroseg.errors import reason
from aeroseg.mapping.aoi import Area
from aeroseg.mapping.reading.remote_scene import (
    RemoteScene,
    UnreachableError,
    is_remote,
)

from .stac_times import read_times

logger = logging.getLogger(__name__)

_MOST = 1000  # items of one scene
_TIMEOUT = 60  # seconds for an answer
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def find_items(
    source: str,
    aoi: Area | None = None,
    collections: Sequence[str] = (),
    when: str | None = None,
) -> list[Any]:
    """Find items, the newest first.

    Args:
        source (str): File or address of an item, an item collection (such as
            a saved search), a collection, a catalogue or a STAC API.
        aoi (Area | None): Items that lie outside of the rectangle around
            these polygons are left out. An API is searched with it.
        collections (Sequence[str]): Only items of these; an API must be told.
        when (str | None): Only items of that time, see :func:`read_times`.

    Returns:
        list[pystac.Item]: At least one; by time, the newest first, then by
        name. Items without a time come last.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If pystac-client is missing.
        UnreachableError: If a server does not answer.
        ValueError: If it is no STAC, or holds no item or too many; or if
            an API is not told where and what to search.
    """
    times = None if when is None else read_times(when)
    content = _read(source)
    is_api = content.get('type') == 'Catalog' and 'conformsTo' in content
    try:
        if is_api:
            found = _search(source, aoi, collections, when)
        else:
            found = (
                item
                for item in _unpack(source, content)
                if (times is None or times.hold(item))
                and (not collections or item.collection_id in collections)
            )
        items = _limited(found, source)
    except UnreachableError:
        raise
    except _foreign_errors() as error:
        raise ValueError(
            f'{_shown(source)} cannot be read as STAC ({_told(error)})'
        ) from None
    near = [item for item in items if _is_near(item, aoi)]
    if not near:
        where = f' near the polygons of {aoi.name}' if aoi and items else ''
        of = f' of {" or ".join(collections)}' if collections else ''
        at = f' at {when}' if when else ''
        raise ValueError(f'{_shown(source)} holds no item{of}{at}{where}')
    return sorted(near, key=lambda item: (_age(item), item.id))


def time_of(item: Any) -> datetime | None:
    """The time of an item; the end of a range of times.

    Args:
        item (pystac.Item): It.
    """
    found = item.datetime or item.common_metadata.end_datetime
    if found is not None and found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found


def _age(item: Any) -> float:
    return -((time_of(item) or _LONG_AGO) - _LONG_AGO).total_seconds()


def _is_near(item: Any, aoi: Area | None) -> bool:
    if aoi is None or not item.bbox:
        return True
    west, south, east, north = aoi.bounds()
    half = len(item.bbox) // 2  # a box may have heights as well
    left, bottom = item.bbox[:2]
    right, top = item.bbox[half : half + 2]
    if bottom > north or top < south:
        return False
    if left > right:  # across the antimeridian
        return east >= left or west <= right
    return left <= east and right >= west


def _limited(items: Iterable[Any], source: str) -> list[Any]:
    found: dict[tuple[str, str], Any] = {}
    for item in items:
        found.setdefault((item.collection_id or '', item.id), item)
        if len(found) > _MOST:
            raise ValueError(
                f'{_shown(source)} gives more than {_MOST} items, too many '
                'for one scene; choose a shorter time (--datetime), fewer '
                'collections or a smaller area (--aoi)'
            )
    return list(found.values())


def _search(
    source: str,
    aoi: Area | None,
    collections: Sequence[str],
    when: str | None,
) -> Iterator[Any]:
    if aoi is None or not collections:
        raise ValueError(
            f'{_shown(source)} is a STAC API: say where and what to search, '
            'with --aoi FILE and --collections NAME'
        )
    from pystac_client import Client

    client = Client.open(source, stac_io=_reader())
    search = client.search(
        collections=list(collections),
        datetime=when,
        bbox=aoi.bounds(),
        max_items=_MOST + 1,
    )
    yield from search.items()


def _unpack(source: str, content: dict[str, Any]) -> Iterator[Any]:
    import pystac

    href = source if is_remote(source) else str(Path(source).absolute())
    kind = content.get('type')
    if kind == 'FeatureCollection':
        for page in _pages(source, content):
            for feature in page['features']:
                item = pystac.Item.from_dict(feature)
                if item.get_self_href() is None:
                    item.set_self_href(href)
                yield item
    elif kind == 'Feature':
        yield pystac.Item.from_dict(content, href=href)
    elif kind in ('Catalog', 'Collection'):
        links = {link.get('rel') for link in content.get('links', ())}
        if kind == 'Collection' and 'items' in links and 'item' not in links:
            raise ValueError(
                f'{_shown(source)} is a collection of a STAC API: give the '
                f'address of the API, --collections {content.get("id")} and '
                '--aoi FILE'
            )
        cls = pystac.Collection if kind == 'Collection' else pystac.Catalog
        root = cls.from_dict(content, href=href)
        root._stac_io = _reader()
        yield from root.get_items(recursive=True)
    else:
        raise ValueError(
            f'{_shown(source)} is neither an item nor a collection, a '
            f'catalogue or an API of STAC; its type is {kind!r}'
        )


def _pages(source: str, content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All pages of a search, if it is one."""
    follows = [k for k in content.get('links', ()) if k.get('rel') == 'next']
    if not follows:
        yield content
    elif is_remote(source):
        yield from _reader().get_pages(source)
    else:
        logger.warning(
            '%s is one page of a search: there were more items, which it '
            'does not hold',
            source,
        )
        yield content


def _read(source: str) -> dict[str, Any]:
    if is_remote(source) and not source.lower().startswith('http'):
        raise ValueError(
            f'{_shown(source)}: STAC is read from files and from web '
            'addresses (https://); its rasters may lie in a bucket'
        )
    if not is_remote(source) and not Path(source).is_file():
        raise FileNotFoundError(f'there is no file {source}')
    reader = _reader()
    try:
        content = json.loads(reader.read_text(source))
    except ValueError as error:
        raise ValueError(
            f'{_shown(source)} is no STAC: it is not JSON ({_told(error)})'
        ) from None
    except _foreign_errors() as error:
        raise UnreachableError(
            f'{_shown(source)} cannot be read ({_hidden(source, error)}). '
            'Check the address, the network and the credentials'
        ) from None
    if not isinstance(content, dict):
        raise ValueError(
            f'{_shown(source)} is no STAC: it holds no JSON object'
        )
    return content


def _reader() -> Any:
    """Reads files and addresses; asks again where a server is busy."""
    try:
        from pystac_client.stac_api_io import StacApiIO
    except ImportError as error:
        raise ImportError(
            'STAC needs pystac-client; install it with: pip install '
            "'aeroseg[stac]'"
        ) from error
    return StacApiIO(timeout=_TIMEOUT)


def _foreign_errors() -> tuple[type[Exception], ...]:
    """What pystac raises for bad content and bad answers."""
    from pystac import STACError, STACTypeError
    from pystac_client.exceptions import APIError

    known = (KeyError, TypeError, AttributeError, OSError)
    return (STACError, STACTypeError, APIError, *known)


def _told(error: Exception) -> str:
    lines = reason(error).splitlines() or ['']
    return f'{type(error).__name__}: {lines[0]}'


def _shown(source: str) -> str:
    return str(RemoteScene(source)) if is_remote(source) else source


def _hidden(source: str, error: Exception) -> str:
    text = _told(error)
    return RemoteScene(source).hide(text) if is_remote(source) else text
