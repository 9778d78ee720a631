# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What was seen in windows, kept so that other words need not look again."""

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from aeroseg.apis.vocabulary_model import VocabularyModel
from aeroseg.models.features import map_tensors, split_images


class FeatureMemory:
    """Features of windows by the content of the window, up to a size.

    What belongs to an earlier round goes first, the oldest before others.
    What the present round uses stays: a scene that is too large for the
    memory would otherwise push out each window just before it is needed
    again.

    Args:
        limit (int): Bytes; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[bytes, tuple[int, Any]] = OrderedDict()
        self._round = 0

    def begin(self) -> None:
        """Begin a round: what is kept so far may be replaced."""
        self._round += 1

    def find(self, key: bytes) -> Any:
        """Features (1, ...) of a window; None if they are not kept."""
        if key not in self._kept:
            return None
        _, features = self._kept.pop(key)
        self._kept[key] = self._round, features
        return features

    def keep(self, key: bytes, features: Any) -> None:
        """Keep the features (1, ...) of a window if there is room."""
        size = _size_of(features)
        while self.size + size > self.limit:
            first = next(iter(self._kept), None)
            if first is None or self._kept[first][0] == self._round:
                return
            self.size -= _size_of(self._kept.pop(first)[1])
        self._kept[key] = self._round, map_tensors(torch.clone, features)
        self.size += size


class RememberingModel:
    """A model and its words, as a :class:`ScoreModel` that looks once.

    Args:
        asked (VocabularyModel): The model with the words.
        memory (FeatureMemory): Shared by all words of that model.
        lock (Lock): Held while the model computes.
    """

    def __init__(
        self, asked: VocabularyModel, memory: FeatureMemory, lock: Lock
    ) -> None:
        self.asked = asked
        self.memory = memory
        self.lock = lock

    def predict_scores(self, images: Tensor) -> Tensor:
        """See :class:`ScoreModel`."""
        with self.lock:
            if not self.memory.limit:
                return self.asked.predict_scores(images)
            seen = self._look(images)
            return self.asked.scores_of(seen, images.shape[2:])

    def _look(self, images: Tensor) -> Any:
        keys = [_key(image) for image in images]
        found = [self.memory.find(key) for key in keys]
        missing = [i for i, seen in enumerate(found) if seen is None]
        if len(missing) == len(images):
            seen = self.asked.image_features(images)
            for key, one in zip(keys, split_images(seen), strict=True):
                self.memory.keep(key, one)
            return seen
        if missing:
            seen = split_images(self.asked.image_features(images[missing]))
            for i, one in zip(missing, seen, strict=True):
                self.memory.keep(keys[i], one)
                found[i] = one
        return map_tensors(lambda *each: torch.cat(each), *found)


def _key(image: Tensor) -> bytes:
    # Pixels are whole numbers but for the filling of missing data.
    pixels = image.contiguous().numpy()
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(pixels.tobytes())
    return digest.digest()


def _size_of(features: Any) -> int:
    sizes: list[int] = []
    map_tensors(lambda tensor: sizes.append(tensor.nbytes), features)
    return sum(sizes)
