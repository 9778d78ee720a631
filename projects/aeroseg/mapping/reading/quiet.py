# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Silence for warnings that are told to the user in another way."""

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
