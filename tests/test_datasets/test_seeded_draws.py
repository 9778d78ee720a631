# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Draws that can be repeated."""

import itertools
import pickle
import random

import numpy as np

from aeroseg.datasets.seeded_draws import (
    SeededIndex,
    SeededInfiniteSampler,
    seeded,
)


def draws(count: int, skip: int = 0, seed: int = 0) -> list[SeededIndex]:
    sampler = SeededInfiniteSampler(range(5), seed=seed)
    return list(itertools.islice(iter(sampler), skip, skip + count))


def test_the_same_place_has_the_same_stream() -> None:
    first, again = draws(12), draws(6, skip=6)
    assert first[6:] == again
    assert [d.seed for d in first[6:]] == [d.seed for d in again]
    assert len({d.seed for d in first}) == 12
    assert [d.seed for d in draws(3, seed=1)] != [d.seed for d in draws(3)]


def test_an_index_survives_the_way_to_a_worker() -> None:
    index = SeededIndex(3, 77)
    copy = pickle.loads(pickle.dumps(index))
    assert copy == 3
    assert (type(copy), copy.seed) == (SeededIndex, 77)


def test_the_stream_is_given_back() -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    values = []
    for _ in range(2):
        with seeded(SeededIndex(0, 9)):
            values.append((random.random(), np.random.rand()))  # noqa: NPY002
    assert values[0] == values[1]
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002


def test_plain_indices_change_nothing() -> None:
    random.seed(5)
    state = random.getstate()
    with seeded(3):
        assert random.getstate() == state
