# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How the time of a scene is spent."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar('Value')


class Stopwatch:
    """Adds up seconds by name.

    Attributes:
        seconds (dict[str, float]): Seconds by name.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the time of a block, without that of blocks inside it.

        Args:
            name (str): What the block does.
        """
        inside = sum(self.seconds.values())
        begin = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begin
            inside = sum(self.seconds.values()) - inside
            self.seconds[name] += spent - inside

    def each(self, name: str, values: Iterable[Value]) -> Iterator[Value]:
        """Count the time that an iterator takes for its values.

        Args:
            name (str): What it does.
            values (Iterable): Yielded one by one.
        """
        iterator = iter(values)
        while True:
            with self(name):
                try:
                    value = next(iterator)
                except StopIteration:
                    return
            yield value

    def describe(self) -> str:
        """One line: 'model 10.21 s (91 %), reading 0.52 s (4 %), ...'."""
        total = sum(self.seconds.values()) or 1.0
        return ', '.join(
            f'{name} {value:.2f} s ({100 * value / total:.0f} %)'
            for name, value in self.seconds.items()
        )
