# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Warnings and errors of GDAL, as this package wants them."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignore_warning(category: type[Warning]) -> Iterator[None]:
    """Ignore one kind of warning in a block.

    Args:
        category (type[Warning]): Which kind.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', category)
        yield


class _Collector(logging.Handler):
    """Keeps the warnings of one thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread = threading.get_ident()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.found.append(record.getMessage())


@contextmanager
def gdal_warnings() -> Iterator[list[str]]:
    """Collect what GDAL and its libraries warn of in a block.

    libjpeg warns of damaged data and makes up the pixels; rasterio passes
    that to a logger.

    Yields:
        list[str]: Grows by what is warned of in this thread.
    """
    logger = logging.getLogger('rasterio._err')
    if not logger.isEnabledFor(logging.WARNING):
        logger.setLevel(logging.WARNING)
    collector = _Collector()
    logger.addHandler(collector)
    try:
        yield collector.found
    finally:
        logger.removeHandler(collector)


@contextmanager
def gdal_errors(kind: type[Exception], name: str = '') -> Iterator[None]:
    """Raise the errors of GDAL in a block as one kind of error.

    Some functions of rasterio raise GDAL's own errors, which have neither a
    public name nor a public base class. They are recognised by what they
    carry: the class, number and message that GDAL gives.

    Args:
        kind (type[Exception]): What to raise, such as OSError.
        name (str): The file or place it is about; starts the message.

    Raises:
        Exception: Of that kind, with GDAL's message. Other errors pass.
    """
    try:
        yield
    except Exception as error:
        if not _is_from_gdal(error):
            raise
        text = f'{name}: {error}' if name else str(error)
        raise kind(text) from error


def _is_from_gdal(error: Exception) -> bool:
    return all(hasattr(error, name) for name in ('error', 'errno', 'errmsg'))
