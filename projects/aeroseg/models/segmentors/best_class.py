# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The best class of each pixel, a few classes at a time."""

from collections.abc import Iterable

import torch
from torch import Tensor


def best_class(parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """The largest logit of each pixel and whose it is.

    Args:
        parts (Iterable[Tensor]): Logits of some classes after the other,
            (C, H, W) each, at least one; a generator need not hold more than
            one of them.

    Returns:
        tuple[Tensor, Tensor]: The largest logits and the ids of their
        classes, (H, W) each; among equals, the first class.
    """
    parts = iter(parts)
    logits = next(parts)
    best, label = logits.max(dim=0)
    count = len(logits)
    for logits in parts:
        more, index = logits.max(dim=0)
        label = torch.where(more > best, index + count, label)
        best = torch.maximum(best, more)
        count += len(logits)
    return best, label
