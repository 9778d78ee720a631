# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The best class of each pixel, and when a pixel is background.

Which id the background gets is the caller's choice: mmseg's evaluation wants
255, a map wants a class of its own (docs/predict.md).
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

_SMALL = 255  # the largest id of a uint8


def decide(
    parts: Iterable[Tensor],
    num_classes: int,
    background: int | None = None,
    threshold: float | None = None,
    to_probability: Callable[[Tensor], Tensor] = lambda score: score,
) -> Tensor:
    """Class ids by the highest score, with the background rule.

    A pixel is background if its best score belongs to a background word, or
    if the probability of its best class is below the threshold.

    Args:
        parts (Iterable[Tensor]): Scores, (C, H, W) each: the classes in their
            order, then the background words. A generator need not hold more
            than one part.
        num_classes (int): T; maps from T on are background words.
        background (int | None): Id of the background; None where the
            vocabulary has neither background words nor a threshold.
        threshold (float | None): Probability in [0, 1].
        to_probability (Callable): From scores to probabilities; a sigmoid for
            logits. Only asked for the best scores, (H, W).

    Returns:
        Tensor: Ids (H, W), uint8 or, where they do not fit, int32.
    """
    best, label = best_class(parts)
    if background is None:
        return label
    if background > _SMALL:
        label = label.int()
    label[label >= num_classes] = background
    if threshold is not None:
        label[to_probability(best) < threshold] = background
    return label


@torch.no_grad()
def best_class(parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """The highest score of each pixel and the class it belongs to.

    Args:
        parts (Iterable[Tensor]): Scores of some classes after the other,
            (C, H, W) each, at least one class in all.

    Returns:
        tuple[Tensor, Tensor]: The highest scores and the ids of their
        classes, (H, W) each; the first class where several are equal. Ids are
        uint8 or, beyond 256 classes, int32.
    """
    best = label = better = None
    count = 0
    # Class by class the CPU works on whole vectors; max along the first
    # dimension takes several times as long.
    for part in parts:
        for scores in part:
            if best is None or label is None:
                best = scores.clone()
                label = torch.zeros_like(best, dtype=torch.uint8)
            else:
                if count > _SMALL:
                    label = label.int()
                better = (scores > best).to(label.dtype)
                # Ids ascend, so the largest winner so far is the last one.
                label = torch.maximum(label, better.mul_(count))
                torch.maximum(best, scores, out=best)
            count += 1
    if best is None or label is None:
        raise ValueError('no score maps were given; at least one is needed')
    return best, label


def merge_background(
    probabilities: Tensor, num_classes: int, background: int | None
) -> Tensor:
    """Merge the maps of the background words into one.

    Args:
        probabilities (Tensor): (B, T + K, H, W): T classes, then K background
            words.
        num_classes (int): T.
        background (int | None): Id of the background: T for a map of its own
            after the classes, the id of a class to merge into that class.

    Returns:
        Tensor: (B, T, H, W), or (B, T + 1, H, W) with a map of its own; the
        background has the probability of its best word.
    """
    classes, words = probabilities.split(
        [num_classes, probabilities.shape[1] - num_classes], dim=1
    )
    if words.shape[1] == 0 or background is None:
        return classes
    best = words.amax(dim=1, keepdim=True)
    if background == num_classes:
        return torch.cat([classes, best], dim=1)
    merged = classes.clone()
    place = slice(background, background + 1)
    merged[:, place] = torch.maximum(merged[:, place], best)
    return merged
