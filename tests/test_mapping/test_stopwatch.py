# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import time
from collections.abc import Callable, Iterator

import pytest

from aeroseg.mapping.stopwatch import Stopwatch

Pass = Callable[[float], None]


@pytest.fixture
def spend(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Let some seconds pass on the clock without waiting for them."""
    now = 0.0

    def spend(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, 'perf_counter', lambda: now)
    return spend


def test_inner_blocks_are_not_counted_twice(spend: Pass) -> None:
    clock = Stopwatch()
    with clock('outer'):
        spend(2)
        with clock('inner'):
            spend(5)
    assert clock.seconds == {'inner': 5, 'outer': 2}
    assert clock.describe() == 'inner 5.00 s (71 %), outer 2.00 s (29 %)'


def test_iterators_are_counted_between_their_values(spend: Pass) -> None:
    clock = Stopwatch()

    def slow() -> Iterator[int]:
        for value in range(3):
            spend(2)
            yield value

    found = []
    for value in clock.each('making', slow()):
        spend(10)
        found.append(value)
    assert found == [0, 1, 2]
    assert clock.seconds == {'making': 6}


def test_an_error_is_counted_and_raised(spend: Pass) -> None:
    def fail() -> None:
        spend(3)
        raise ValueError('x')

    clock = Stopwatch()
    with pytest.raises(ValueError, match='x'), clock('block'):
        fail()
    assert clock.seconds == {'block': 3}
