# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Web maps: WMS, TMS and XYZ tiles that a file describes for GDAL."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from .remote_scene import VirtualScene

_HEAD = 4096  # bytes in which the first tag is looked for
_START = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*'
    rb'<(GDAL_WMS|GDAL_WMTS)\b',
    re.DOTALL,
)
_ADDRESS = re.compile(r'https?://[^\s"\'<>]+')
# Of GDAL's messages: the end of a text, and the answer of the server.
_PREFIX = re.compile(
    r'GDAL_WMS>, (?:band \d+: )?(?:IReadBlock .*?: )?(?:GDALWMS: )?'
)
_DAMAGED = re.compile(r'ReadBlockFromFile \((\S+) failed')
_LASTING = re.compile(r'status 4(?!08|29)\d\d')
_STATUS = re.compile(r'HTTP status code: (\d+), error: (.*?)\.\n')
_NEVER = '1'  # a status that no server answers with
_MARKED = {1: '2', 3: '4'}  # bands, and with one that says where data is
# Kinds of services for which GDAL takes the number of bands from the file.
_PLAIN = ('wms', 'tms', 'tileservice', 'worldwind', 'virtualearth')


@dataclass(frozen=True)
class WebMap(VirtualScene):
    """A web map as GDAL's WMS driver reads it; made by :func:`web_map`.

    Attributes:
        path (Path): The description.
        digest (str): Hash of the description. What the server holds has no
            identity that could be asked for.
        text (str): The description as GDAL gets it. It may hold secrets.
    """

    path: Path
    digest: str
    text: str = field(repr=False)

    advice: ClassVar[str] = (
        'the description (its OverviewCount as well), the network and the '
        'credentials'
    )

    def __str__(self) -> str:
        return str(self.path)

    @property
    def vsi(self) -> str:
        """See :class:`VirtualScene`."""
        return self.text

    @property
    def name(self) -> str:
        """See :class:`VirtualScene`."""
        return self.path.name

    @property
    def stem(self) -> str:
        """See :class:`VirtualScene`."""
        return self.path.stem

    @property
    def files(self) -> list[Path]:
        """See :class:`VirtualScene`."""
        return [self.path]

    @property
    def tiled(self) -> bool:
        """See :class:`VirtualScene`."""
        return True

    def lasts(self, text: str) -> bool:
        """See :class:`VirtualScene`; so it is with most statuses of 4xx."""
        return _LASTING.search(text) is not None

    def hide(self, text: str) -> str:
        """See :class:`VirtualScene`; all addresses lose login and query."""
        text = text.replace(self.text, str(self))
        for secret in self._secrets():
            text = text.replace(secret, '...')
        return _tidy(_ADDRESS.sub(_bare, text))

    def _secrets(self) -> list[str]:
        root = ElementTree.fromstring(self.text)
        login = _text(root, 'userpwd')
        query = urlsplit(_text(_child(root, 'service'), 'serverurl')).query
        parts = [part.partition('=')[2] for part in query.split('&')]
        # Short values, such as those of z=${z}, are words of messages.
        long = [part for part in parts if len(part) > 7 and '${' not in part]
        return [secret for secret in (login, *long) if secret]

    def identity(self) -> dict[str, Any]:
        """See :class:`VirtualScene`."""
        return {'description': self.digest}

    def forget(self) -> None:
        """See :class:`VirtualScene`; tiles are kept by open files alone."""

    def resolve(self) -> 'WebMap':
        """The same, named by its absolute path."""
        return replace(self, path=self.path.resolve())


def web_map(path: Path) -> WebMap | None:
    """Read the description of a web map.

    Args:
        path (Path): Any file.

    Returns:
        WebMap | None: None if the file is something else, or cannot be read.

    Raises:
        ValueError: If it is a description that cannot be used: GDAL would
            take what the server lacks for black pixels.
    """
    try:
        if not path.is_file():
            return None
        with path.open('rb') as file:
            start = _START.match(file.read(_HEAD))
        if start is None:
            return None
        content = path.read_bytes()
    except OSError:
        return None  # which is said when it is opened
    if start[1] == b'GDAL_WMTS':
        raise ValueError(
            f'{path} describes a WMTS, which is not supported: GDAL would '
            'map tiles that cannot be found as if they were empty. Describe '
            'its tiles as <GDAL_WMS> with <Service name="TMS">'
        )
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(
            f'{path} is no well-formed XML ({error}); in addresses, & is '
            'written as &amp;'
        ) from None
    _refuse_offline(root, path)
    _keep_no_tiles(root)
    _mark_missing(root, path)
    text = ElementTree.tostring(root, 'unicode')
    return WebMap(path, hashlib.sha256(content).hexdigest(), text)


def _refuse_offline(root: Element, path: Path) -> None:
    if _is_true(_text(root, 'offlinemode')):
        raise ValueError(
            f'{path} sets OfflineMode, in which tiles that are not in its '
            'cache are black; leave it out'
        )


def _keep_no_tiles(root: Element) -> None:
    """Let GDAL write no tiles into the working folder."""
    cache = _child(root, 'cache')
    if cache is not None and not _text(cache, 'path'):
        root.remove(cache)


def _mark_missing(root: Element, path: Path) -> None:
    """What the server lacks is an error, or has no data: never black."""
    codes = _text(root, 'zeroblockhttpcodes')
    if not codes:
        _set(root, 'ZeroBlockHttpCodes', _NEVER)
    if not codes and not _is_true(_text(root, 'zeroblockonserverexception')):
        return
    values = _child(root, 'datavalues')
    if values is not None and _text(values, 'nodata'):
        return
    bands = _text(root, 'bandscount') or '3'
    if bands in _MARKED.values():
        return  # the last one says where data is
    service = _child(root, 'service')
    plain = _text(service, 'name').lower() in _PLAIN
    plain = plain and _text(root, 'datatype').lower() in ('', 'byte')
    marked = _MARKED.get(int(bands)) if bands.isdecimal() else None
    if marked is None or not plain:
        raise ValueError(
            f'{path} allows tiles to be missing (ZeroBlockHttpCodes, '
            'ZeroBlockOnServerException), and they would be mapped as black '
            'pixels: name the value that marks them, such as <DataValues '
            'NoData="0"/>, or leave these settings out'
        )
    _set(root, 'BandsCount', marked)


def _tidy(text: str) -> str:
    """The message of GDAL in one line, without what it repeats."""
    status = _STATUS.search(text)
    if status is not None:
        code, told = status.groups()
        answer = f'status {code}' if int(code) else told
        return f'a tile could not be had: {answer}'
    damaged = _DAMAGED.search(text)
    if damaged is not None:
        return f'a tile is no whole image: {damaged[1]}'
    return ' '.join(_PREFIX.sub('', text).split())


def _child(node: Element | None, name: str) -> Element | None:
    """A child by its name, in whatever case, as GDAL looks for it."""
    found = () if node is None else node
    return next((c for c in found if str(c.tag).lower() == name), None)


def _text(node: Element | None, name: str) -> str:
    """The text of a child, or an attribute; '' if there is none."""
    if node is None:
        return ''
    child = _child(node, name)
    if child is not None:
        return (child.text or '').strip()
    return {k.lower(): v.strip() for k, v in node.items()}.get(name, '')


def _set(root: Element, name: str, value: str) -> None:
    old = _child(root, name.lower())
    if old is not None:
        root.remove(old)
    SubElement(root, name).text = value


def _is_true(text: str) -> bool:
    return text.lower() in ('true', 'yes', 'on', '1')


def _bare(found: re.Match[str]) -> str:
    parts = urlsplit(found[0])
    host = parts.netloc.rpartition('@')[2]
    return f'{parts.scheme}://{host}{parts.path}'
