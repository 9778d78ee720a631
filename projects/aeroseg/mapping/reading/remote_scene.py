# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Scenes on a web server or in an object store, read by GDAL in ranges."""

import ctypes
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, TypeAlias
from urllib.parse import unquote, urlsplit

from aeroseg.errors import reason

# How GDAL names what these words stand for.
_SCHEMES = {
    'http': '/vsicurl/http://',
    'https': '/vsicurl/https://',
    's3': '/vsis3/',
    'gs': '/vsigs/',
    'az': '/vsiaz/',
}
_SETTINGS = {
    'GDAL_HTTP_MAX_RETRY': '5',
    'GDAL_HTTP_RETRY_DELAY': '1',
    'GDAL_HTTP_CONNECTTIMEOUT': '20',
    'GDAL_HTTP_LOW_SPEED_TIME': '60',
    'GDAL_HTTP_LOW_SPEED_LIMIT': '1',
    # No list of the folder, which may be long or forbidden.
    'GDAL_DISABLE_READDIR_ON_OPEN': 'EMPTY_DIR',
}


class UnreachableError(ValueError):
    """A scene on another machine cannot be read now; what is kept is right."""


class VirtualScene(ABC):
    """A scene that is not one file of this machine; GDAL opens it by a name.

    Attributes:
        advice (str): What to check if it cannot be read.
        times (tuple[str, str] | None): When the first and the last picture
            were taken, if that is known.
    """

    times: tuple[str, str] | None = None

    advice: ClassVar[str] = 'the address, the network and the credentials'

    @property
    @abstractmethod
    def vsi(self) -> str:
        """The name by which GDAL opens it; it may hold secrets."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages and pictures call it."""

    @property
    @abstractmethod
    def stem(self) -> str:
        """A name for the folder of its results."""

    @property
    def files(self) -> list[Path]:
        """The files of this machine that belong to it."""
        return []

    @property
    def tiled(self) -> bool:
        """Whether it comes in tiles, for each of which GDAL asks once."""
        return False

    def lasts(self, text: str) -> bool:
        """Whether it is of no use to ask again.

        Args:
            text (str): What :meth:`hide` left of a message.
        """
        return False

    @abstractmethod
    def hide(self, text: str) -> str:
        """A text without what must not be shown.

        Args:
            text (str): Of GDAL, which quotes addresses.
        """

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What changes when the content does.

        Raises:
            UnreachableError: If that cannot be found out.
        """

    @abstractmethod
    def forget(self) -> None:
        """Let GDAL drop what it keeps of this scene."""

    def resolve(self) -> 'VirtualScene':
        """The scene itself: it is the same from everywhere."""
        return self

    @contextmanager
    def settings(self) -> Iterator[None]:
        """GDAL asks again in this block, and its warnings hide secrets.

        Variables of the environment, such as GDAL_HTTP_MAX_RETRY, win.
        """
        with _settings(self.hide):
            yield


@dataclass(frozen=True)
class RemoteScene(VirtualScene):
    """The address of a scene.

    As text it has neither a password nor a query, which may be a signature:
    that text is what logs, reports and errors show.

    Attributes:
        url (str): As given, such as 'https://host/scene.tif' or
            's3://bucket/scene.tif'.
    """

    url: str = field(repr=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition('@')[2]
        return f'{parts.scheme}://{host}{parts.path}'

    @property
    def vsi(self) -> str:
        """The address as GDAL takes it."""
        scheme, _, rest = self.url.partition('://')
        return _SCHEMES[scheme.lower()] + rest

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    def hide(self, text: str) -> str:
        """See :class:`VirtualScene`."""
        parts = urlsplit(self.url)
        text = text.replace(self.url, str(self))
        login, at, _ = parts.netloc.rpartition('@')
        for secret in (login + at, parts.query):
            if secret:
                text = text.replace(secret, '')
        return text

    def identity(self) -> dict[str, Any]:
        """What changes when the content does: ETag, date and size.

        Raises:
            UnreachableError: If the server tells none of them.
        """
        with self.settings():
            told = headers_of(self.vsi)
        found = {
            'etag': told.get('etag', ''),
            'changed': told.get('last-modified', ''),
            'size': size_of(told),
        }
        if not any(found.values()):
            raise UnreachableError(
                f'{self} does not exist, cannot be reached, or its server '
                'tells neither ETag, date nor size. Check the address and '
                'the credentials (AWS_ACCESS_KEY_ID, GS_ACCESS_KEY_ID, ... as '
                'GDAL reads them)'
            )
        return found

    def forget(self) -> None:
        """Let GDAL drop what it keeps of this address."""
        clear = getattr(gdal_library(), 'VSICurlPartialClearCache', None)
        if clear is not None:
            clear.restype, clear.argtypes = None, [ctypes.c_char_p]
            clear(self.vsi.encode())


def size_of(headers: Mapping[str, str]) -> str:
    """Bytes of a file, as a server tells; of the whole, if of a part."""
    whole = headers.get('content-range', '').rpartition('/')[2]
    return whole if whole.isdecimal() else headers.get('content-length', '')


Scene: TypeAlias = Path | VirtualScene


def locate(scene: str | Scene) -> Scene:
    """A file, the address of a scene elsewhere, or a web map.

    Args:
        scene (str | Scene): A path, or an address that starts with http://,
            https://, s3://, gs:// or az://. A file that describes a web map
            stands for that map.

    Raises:
        ValueError: If it describes a web map that cannot be used.
    """
    if isinstance(scene, str) and is_remote(scene):
        return RemoteScene(scene)
    if isinstance(scene, VirtualScene):
        return scene
    from .web_map import web_map  # which needs this module

    path = Path(scene)
    return web_map(path) or path


def content(scene: Scene) -> dict[str, Any]:
    """What tells the content of a scene from a later one.

    Args:
        scene (Scene): The scene.

    Raises:
        UnreachableError: If the file is gone, or a server does not tell.
    """
    if isinstance(scene, VirtualScene):
        return scene.identity()
    try:
        status = scene.stat()
    except OSError as error:
        raise UnreachableError(
            f'{scene} cannot be found any more ({reason(error)}). Put it back '
            'as it was, then run again; what was finished before is kept'
        ) from None
    return {'size': status.st_size, 'changed': status.st_mtime_ns}


def is_remote(text: str) -> bool:
    """Whether a text is an address that :func:`locate` knows."""
    scheme, found, _ = text.partition('://')
    return bool(found) and scheme.lower() in _SCHEMES


@contextmanager
def _settings(hide: Callable[[str], str]) -> Iterator[None]:
    import rasterio  # optional; addresses are read without it

    logger = logging.getLogger('rasterio._err')

    def clean(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        record.msg, record.args = hide(text), ()
        return 'Retrying again' not in text  # is no damage

    logger.addFilter(clean)
    try:
        with rasterio.Env(**_unset(_SETTINGS)):
            yield
    finally:
        logger.removeFilter(clean)


def retries() -> tuple[int, float]:
    """How often to repeat, and seconds before the first one, as of GDAL."""
    found = []
    for name in ('GDAL_HTTP_MAX_RETRY', 'GDAL_HTTP_RETRY_DELAY'):
        try:
            found.append(float(os.environ.get(name, _SETTINGS[name])))
        except ValueError:
            found.append(float(_SETTINGS[name]))
    return int(found[0]), found[1]


def _unset(settings: dict[str, str]) -> dict[str, str]:
    """Those that the user has not set."""
    import rasterio

    given = rasterio.env.getenv() if rasterio.env.hasenv() else {}
    return {
        key: value
        for key, value in settings.items()
        if key not in os.environ and key not in given
    }


def gdal_library() -> ctypes.CDLL:
    """The GDAL of rasterio; where a linker hides it, it has no functions."""
    import rasterio._base

    return ctypes.CDLL(rasterio._base.__file__)


def headers_of(vsi: str) -> dict[str, str]:
    """What a server says of a file, by lower-case names.

    rasterio offers no such function, so this asks the GDAL it is linked
    with, which has the credentials. Empty if nothing can be found out.
    """
    ask = getattr(gdal_library(), 'VSIGetFileMetadata', None)
    free = getattr(gdal_library(), 'CSLDestroy', None)
    if ask is None or free is None:
        return {}
    ask.restype = ctypes.POINTER(ctypes.c_char_p)
    ask.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
    free.argtypes = [ctypes.c_void_p]
    lines = ask(vsi.encode(), b'HEADERS', None)
    found: dict[str, str] = {}
    index = 0
    while lines and (line := lines[index]) is not None:
        key, _, value = line.decode('utf-8', 'replace').partition('=')
        found[key.lower()] = value
        index += 1
    free(lines)
    return found
