# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What a model computes on the way: correlation of a word, features."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aeroseg.acceleration import accelerated
from aeroseg.mapping.reading.image_source import open_source
from aeroseg.models.features import AerOSegFeatures
from aeroseg.models.necks.correlation_neck import CorrelationNeck, correlate

from .predictor import Picture, Predictor
from .words import Classes

_WINDOWS = 2
_MODE = 'bilinear'


@dataclass(frozen=True)
class WordCorrelation:
    """Where an image is like a word, before and after the refinement.

    Attributes:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        before (np.ndarray): (H', W') mean cosine similarity over views and
            prompts (eq. 3), in [-1, 1], float32, enlarged to the pixels that
            the model sees.
        after (np.ndarray): (H', W') length of the refined correlation (eq. 6)
            over its channels, at least 0, float32. The paper does not say
            how Fig. 6 reduces the channels; their signs are arbitrary, so
            that a mean cancels what stands out.
    """

    image: np.ndarray
    before: np.ndarray
    after: np.ndarray


@dataclass(frozen=True)
class FeatureMaps:
    """Features of an image that the refinement starts from.

    Attributes:
        image (np.ndarray): (H, W, 3) RGB, uint8.
        clip (np.ndarray): Dense CLIP features of the upright view,
            (C, h, w), float32.
        guidance (np.ndarray): Deepest map of the guidance encoder,
            (G, h, w), float32.
        cells (tuple[float, float]): Cells down and across that cover the
            image; the last ones may reach beyond it.
    """

    image: np.ndarray
    clip: np.ndarray
    guidance: np.ndarray
    cells: tuple[float, float]


def word_correlation(
    predictor: Predictor,
    image: Picture,
    word: str,
    classes: Classes | None = None,
) -> WordCorrelation:
    """The correlation of one class, before and after the refinement.

    Args:
        predictor (Predictor): A model with a correlation and its refinement:
            AerOSeg, CAT-Seg or OVRS.
        image (Picture): See :meth:`Predictor.predict`; seen in one pass.
        word (str): Name or synonym of one of the classes.
        classes (Classes | None): All classes, which the refinement compares;
            see :meth:`Predictor.vocabulary`.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If the word is none of the classes, the model has no
            correlation, or the image is larger than two windows.
    """
    vocabulary = predictor.vocabulary(classes)
    _check_model(predictor)
    known = [[w.casefold() for w in group] for group in vocabulary.queries]
    places = [i for i, g in enumerate(known) if word.strip().casefold() in g]
    if not places:
        raise ValueError(
            f'the word {word!r} is none of the classes '
            f'{[group[0] for group in vocabulary.queries]}; name one of them, '
            'or add it to --classes'
        )
    predictor.model.set_vocabulary(vocabulary)
    pixels, features = _look(predictor, image)
    with torch.no_grad():
        text = predictor.model.text_encoder(vocabulary.queries)[places]
        before = correlate(features.clip.dense, text)[0, 0].mean(dim=0)
    after = features.refined[0, places[0]].float().norm(dim=0)
    return WordCorrelation(
        pixels.image, pixels.enlarged(before), pixels.enlarged(after)
    )


def feature_maps(predictor: Predictor, image: Picture) -> FeatureMaps:
    """Features of CLIP and of the guidance encoder.

    Args:
        predictor (Predictor): As for :func:`word_correlation`.
        image (Picture): As above.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If the model has no guidance, or the image is larger than
            two windows.
    """
    _check_model(predictor)
    if predictor.trained is not None:
        predictor.model.set_vocabulary(predictor.trained)
    pixels, features = _look(predictor, image)
    clip = features.clip.dense[0, features.clip.upright]
    guidance = features.guidance[-1][0]
    height, width = (s / predictor.model.stride for s in pixels.seen.shape[2:])
    # Cells of nothing but padding would take colours from the others.
    down, across = math.ceil(height), math.ceil(width)
    first, second = (
        part[:, :down, :across].float().cpu().numpy()
        for part in (clip, guidance)
    )
    return FeatureMaps(pixels.image, first, second, (height, width))


@dataclass(frozen=True)
class _Pixels:
    """An image as it is drawn and as the model sees it."""

    image: np.ndarray
    seen: Tensor  # (1, 3, H', W')
    padded: Tensor  # the same up to multiples of the stride

    def enlarged(self, values: Tensor) -> np.ndarray:
        """Cells (h, w) to the pixels the model sees, (H', W')."""
        size = self.padded.shape[2:]
        pixels = F.interpolate(values.float()[None, None], size, mode=_MODE)
        height, width = self.seen.shape[2:]
        return pixels[0, 0, :height, :width].cpu().numpy()


def _check_model(predictor: Predictor) -> None:
    if not isinstance(getattr(predictor.model, 'neck', None), CorrelationNeck):
        system = getattr(predictor.model, 'model', predictor.model)
        raise ValueError(
            f'{type(system).__name__} has no correlation that is refined with '
            'guidance, so there is nothing to draw; AerOSeg, CAT-Seg and OVRS '
            'have one'
        )


def _look(
    predictor: Predictor, image: Picture
) -> tuple[_Pixels, AerOSegFeatures]:
    """Read an image and send it through the model up to the neck."""
    pixels = _read(predictor, image)
    model: Any = predictor.model
    device = next(model.parameters()).device
    with torch.no_grad(), accelerated(predictor.accelerate):
        return pixels, model.extract_feat(pixels.padded.to(device))


def _read(predictor: Predictor, image: Picture) -> _Pixels:
    largest = _WINDOWS * predictor.tiling.window
    with open_source(image, scale=predictor.scale) as source:
        if max(source.grid) > largest:
            raise ValueError(
                f'the image is {source.shape[1]} x {source.shape[0]} px; '
                'correlation and features are computed in one pass, for '
                f'images of at most {int(largest / predictor.scale)} px: cut '
                'out a part'
            )
        rows, _ = source.read(0, source.grid[0])
        picture = source.thumbnail(max(source.shape))
    seen = torch.from_numpy(rows)[None].float()
    below, right = (-s % predictor.model.stride for s in seen.shape[2:])
    # Grey, as the model itself pads.
    padded = F.pad(seen, (0, right, 0, below), value=128.0)
    return _Pixels(picture, seen, padded)
