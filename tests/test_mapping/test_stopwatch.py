# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import time

import pytest

from aeroseg.mapping.stopwatch import Stopwatch


def test_inner_blocks_are_not_counted_twice() -> None:
    clock = Stopwatch()
    with clock('outer'):
        time.sleep(0.02)
        with clock('inner'):
            time.sleep(0.05)
    assert clock.seconds['inner'] == pytest.approx(0.05, abs=0.02)
    assert clock.seconds['outer'] == pytest.approx(0.02, abs=0.02)
    assert 'inner 0.' in clock.describe()


def test_iterators_are_counted_between_their_values() -> None:
    clock = Stopwatch()

    def slow() -> object:
        for value in range(3):
            time.sleep(0.02)
            yield value

    found = []
    for value in clock.each('making', slow()):
        time.sleep(0.1)
        found.append(value)
    assert found == [0, 1, 2]
    assert 0.05 < clock.seconds['making'] < 0.2


def test_an_error_is_counted_and_raised() -> None:
    clock = Stopwatch()
    with pytest.raises(ValueError, match='x'), clock('block'):
        raise ValueError('x')
    assert 'block' in clock.seconds
