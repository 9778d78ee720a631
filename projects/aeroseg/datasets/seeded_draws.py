# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A sampler whose augmentation depends only on seed and draw number."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mmengine.dataset import InfiniteSampler
from mmengine.registry import DATA_SAMPLERS


class SeededIndex(int):
    """A sample index with a seed for its augmentation."""

    seed: int

    def __new__(cls, index: int, seed: int) -> 'SeededIndex':
        """Make the index; it behaves as an int everywhere."""
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self) -> tuple[int, int]:  # type: ignore[override]
        """What a worker process needs to make it again."""
        return int(self), self.seed


@DATA_SAMPLERS.register_module()
class SeededInfiniteSampler(InfiniteSampler):
    """mmengine's infinite sampler; the n-th draw has the n-th random stream.

    Augmentation then depends neither on the number of worker processes nor
    on where a training was interrupted: a resumed training sees exactly the
    batches that it would have seen.
    """

    def _infinite_indices(self) -> Iterator[int]:
        for draw, index in enumerate(super()._infinite_indices()):
            stream = np.random.SeedSequence((self.seed, draw))
            yield SeededIndex(index, int(stream.generate_state(1)[0]))


@contextmanager
def seeded(index: int) -> Iterator[None]:
    """Seed the augmentation of a draw; restore the random state after it.

    Args:
        index (int): From the sampler; a plain int changes nothing.
    """
    if not isinstance(index, SeededIndex):
        yield
        return
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(index.seed)
    np.random.seed(index.seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
