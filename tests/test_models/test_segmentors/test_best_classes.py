# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The published rule for more classes than the padded slots."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from aeroseg.vocabulary import Vocabulary

NAMES = tuple(f'thing {index}' for index in range(9))


def plain_maps(model: Any, image: torch.Tensor, number: int) -> torch.Tensor:
    """CAT-Seg's rule for one image, class by class."""
    model.set_vocabulary(Vocabulary(NAMES))
    dense = F.normalize(model.backbone(image).dense[0], dim=1)
    text = F.normalize(model.text_encoder(model.vocabulary.queries), dim=-1)
    fit = [torch.einsum('pc,rchw->prhw', t, dense).max().item() for t in text]
    order = sorted(range(len(NAMES)), key=lambda index: -fit[index])
    best = sorted(order[:number])
    model.set_vocabulary(Vocabulary(tuple(NAMES[i] for i in best)))
    kept = model.forward_maps(image)[0]
    maps = torch.full((len(NAMES), *kept.shape[1:]), -100.0).to(kept)
    for index, part in zip(best, kept, strict=True):
        maps[index] = part
    return maps


@torch.no_grad()
def test_the_best_classes_of_each_image_equal_the_published_rule(
    build_tiny: Callable[..., Any],
) -> None:
    model = build_tiny(NAMES, auxiliary_head=None).double()
    images = 255 * torch.rand(2, 3, 64, 64, dtype=torch.float64)
    expected = [plain_maps(model, image[None], 4) for image in images]
    model.set_vocabulary(Vocabulary(NAMES))
    model.best_classes = 4
    maps = model.forward_maps(images)
    torch.testing.assert_close(
        maps, torch.stack(expected), rtol=1e-9, atol=1e-9
    )
    assert ((maps == -100).all(dim=(2, 3)).sum(dim=1) == 5).all()


@torch.no_grad()
def test_up_to_that_number_nothing_changes(
    build_tiny: Callable[..., Any],
) -> None:
    model = build_tiny(NAMES, auxiliary_head=None)
    image = 255 * torch.rand(1, 3, 64, 64)
    expected = model.forward_maps(image)
    model.best_classes = len(NAMES)
    assert torch.equal(model.forward_maps(image), expected)
