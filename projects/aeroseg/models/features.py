# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the heads of the systems look at."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from .backbones.rotated_clip import CLIPFeatures


class ImageFeatures(NamedTuple):
    """What AerOSeg sees in images, whatever the words.

    Attributes:
        clip (CLIPFeatures): Features of the backbone.
        guidance (tuple[Tensor, ...]): F1, F2, F3 from shallow to deep, each
            (B, C_i, h, w).
        image (Tensor): RGB, 0-255, (B, 3, H, W).
    """

    clip: CLIPFeatures
    guidance: tuple[Tensor, ...]
    image: Tensor

    @classmethod
    def of(
        cls, images: Tensor, backbone: nn.Module, guidance_encoder: nn.Module
    ) -> 'ImageFeatures':
        """Look at images.

        Args:
            images (Tensor): RGB, 0-255, (B, 3, H, W).
            backbone (nn.Module): Of the model.
            guidance_encoder (nn.Module): Of the model.
        """
        clip = backbone(images)
        return cls(clip, guidance_encoder(images, clip), images)


class AerOSegFeatures(NamedTuple):
    """Everything a head may look at.

    Attributes:
        refined (Tensor): Refined correlation, (B, T, D, h, w).
        clip (CLIPFeatures): As of :class:`ImageFeatures`.
        guidance (tuple[Tensor, ...]): As above.
        image (Tensor): As above.
    """

    refined: Tensor
    clip: CLIPFeatures
    guidance: tuple[Tensor, ...]
    image: Tensor

    @classmethod
    def of(
        cls, seen: ImageFeatures, text: Tensor, neck: nn.Module
    ) -> 'AerOSegFeatures':
        """Correlate what is in images with words, and refine.

        Args:
            seen (ImageFeatures): Of the images.
            text (Tensor): Text features, (T, P, C), any scale.
            neck (nn.Module): Of the model.
        """
        refined = neck(seen.clip.dense, text, seen.guidance[-1])
        return cls(refined, *seen)


class SEDFeatures(NamedTuple):
    """Everything the head of SED looks at.

    Attributes:
        correlation (Tensor): Cosine similarity with each prompt,
            (B, T, P, h, w).
        guidance (tuple[Tensor, ...]): Stages of the image tower, detached,
            from coarse to fine, (B, C_i, s h, s w) with s = 2, 4, 8.
    """

    correlation: Tensor
    guidance: tuple[Tensor, ...]


class MaskFeatures(NamedTuple):
    """The masks of SAN, and what they show.

    Attributes:
        masks (Tensor): Logits, (B, Q, h, w).
        shown (Tensor): In the space of the text, (B, Q, C).
        height (int): H of the images.
        width (int): W of the images.
    """

    masks: Tensor
    shown: Tensor
    height: int
    width: int


def map_tensors(change: Callable[..., Any], *features: Any) -> Any:
    """Features of one form, or several, with each tensor changed.

    Args:
        change (Callable): From the tensors at a place to a new one.
        *features (Any): Tensors, or tuples of them and of what all images
            share, which is taken from the first.

    Returns:
        Any: In the same form.
    """
    first = features[0]
    if isinstance(first, Tensor):
        return change(*features)
    if not isinstance(first, tuple):
        return first
    parts = [
        map_tensors(change, *place) for place in zip(*features, strict=True)
    ]
    return type(first)(*parts) if hasattr(first, '_fields') else tuple(parts)


def split_images(features: Any) -> list[Any]:
    """Features (B, ...) as those of each image, (1, ...)."""
    sizes: list[int] = []
    map_tensors(lambda tensor: sizes.append(len(tensor)), features)
    return [
        map_tensors(lambda tensor, i=i: tensor[i : i + 1], features)
        for i in range(sizes[0])
    ]
