# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From probabilities to label ids, with the background policy."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from aeroseg.background import decide, merge_background
from aeroseg.palette import RGB
from aeroseg.vocabulary import Vocabulary

BACKGROUND = 'background'
_BACKGROUND_COLOUR = (235, 235, 235)


@dataclass(frozen=True)
class LabelScheme:
    """What the ids of a label map mean.

    Ids 0 to T-1 are the classes in the user's order. If the vocabulary has
    background words or a threshold, pixels of none of the classes get one more
    id, T, named 'background'; a class that is called 'background' is used
    for them if there is one. The largest number of the type marks pixels
    without data.

    Attributes:
        vocabulary (Vocabulary): Classes, background words, threshold.
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
        """Merge background words into the background.

        Args:
            probabilities (Tensor): (B, T + K, h, w): classes, then contrast
                words.

        Returns:
            Tensor: (B, `num_scores`, h, w); the background has the
            probability of its best word.
        """
        return merge_background(
            probabilities, len(self.vocabulary), self.background
        )

    def decide(self, scores: Tensor) -> np.ndarray:
        """The best class per pixel.

        Args:
            scores (Tensor): Merged probabilities, (`num_scores`, H, W).

        Returns:
            np.ndarray: (H, W) ids of type `dtype`.
        """
        label = decide(
            [scores],
            len(self.vocabulary),
            self.background,
            self.vocabulary.threshold,
        )
        return label.cpu().numpy().astype(self.dtype, copy=False)
