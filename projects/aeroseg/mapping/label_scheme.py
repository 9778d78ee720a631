# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From probabilities to label ids, with the background policy."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aeroseg.vocabulary import RGB, Vocabulary

BACKGROUND = 'background'
_BACKGROUND_COLOUR = (235, 235, 235)


@dataclass(frozen=True)
class LabelScheme:
    """What the ids of a label map mean.

    Ids 0 to T-1 are the classes in the user's order. If the vocabulary has
    contrast words or a threshold, pixels of none of the classes get one more
    id, T, named 'background'; a class that is called 'background' is used
    for them if there is one. The largest number of the type marks pixels
    without data.

    Attributes:
        vocabulary (Vocabulary): Classes, contrast words, threshold.
    """

    vocabulary: Vocabulary

    @property
    def background(self) -> int | None:
        """Id of the background; None if every pixel belongs to a class."""
        names = [name.lower() for name in self.vocabulary.names]
        if BACKGROUND in names:
            return names.index(BACKGROUND)
        has_policy = (
            self.vocabulary.contrast or self.vocabulary.threshold is not None
        )
        return len(names) if has_policy else None

    @property
    def classes(self) -> Vocabulary:
        """Names and colours of all ids, the background included."""
        names, palette = self.vocabulary.names, self.vocabulary.palette
        if self.background == len(names):
            names += (BACKGROUND,)
            palette += (self._free_colour(palette),)
        return Vocabulary(names, palette=palette)

    @staticmethod
    def _free_colour(palette: tuple[RGB, ...]) -> RGB:
        colour = _BACKGROUND_COLOUR
        while colour in palette:
            colour = (colour[0] - 1, colour[1] - 1, colour[2] - 1)
        return colour

    @property
    def num_scores(self) -> int:
        """Number of score maps after merging: T, or T + 1 with contrast."""
        extra = self.vocabulary.contrast and self.background == len(
            self.vocabulary
        )
        return len(self.vocabulary) + bool(extra)

    @property
    def dtype(self) -> np.dtype:
        """The smallest unsigned type that holds all ids and 'no data'."""
        small = len(self.classes) <= np.iinfo(np.uint8).max
        return np.dtype(np.uint8 if small else np.uint16)

    @property
    def nodata(self) -> int:
        """The id of pixels without data."""
        return int(np.iinfo(self.dtype).max)

    def merge(self, probabilities: Tensor) -> Tensor:
        """Merge contrast words into the background.

        Args:
            probabilities (Tensor): (B, T + K, h, w): classes, then contrast
                words.

        Returns:
            Tensor: (B, `num_scores`, h, w); the background has the
            probability of its best word.
        """
        classes = len(self.vocabulary)
        if not self.vocabulary.contrast or self.background is None:
            return probabilities[:, :classes]
        best = probabilities[:, classes:].amax(dim=1, keepdim=True)
        if self.background == classes:
            return torch.cat([probabilities[:, :classes], best], dim=1)
        merged = probabilities[:, :classes].clone()
        place = slice(self.background, self.background + 1)
        merged[:, place] = torch.maximum(merged[:, place], best)
        return merged

    def decide(self, scores: Tensor) -> np.ndarray:
        """The best class per pixel.

        Args:
            scores (Tensor): Merged probabilities, (`num_scores`, H, W).

        Returns:
            np.ndarray: (H, W) ids of type `dtype`.
        """
        threshold, background = self.vocabulary.threshold, self.background
        label, best = _argmax(scores.cpu().numpy(), self.dtype)
        if threshold is not None and background is not None:
            label[best < threshold] = background
        return label


def _argmax(
    scores: np.ndarray, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """Index (H, W) and value (H, W) of the best of (S, H, W), the first."""
    # Class by class the processor works on whole vectors; argmax along the
    # first axis takes ten times as long.
    best = scores[0].copy()
    label = np.zeros(best.shape, dtype)
    for index in range(1, len(scores)):
        better = scores[index] > best
        # Ids ascend, so the largest winner so far is the last one.
        np.maximum(label, better * dtype.type(index), out=label)
        np.maximum(best, scores[index], out=best)
    return label, best
