# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A stage of SED's gradual fusion decoder: refine, then enlarge by two."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from timm.models.convnext import ConvNeXtBlock
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..layers.class_attention import ClassRefinement
from ..layers.upsample import SharedByClasses, UpsampleStage


class FusionStage(nn.Module):
    """Feature aggregation and skip-layer fusion (SED, section 3.3).

    A ConvNeXt block with a large kernel works on each class alone, linear
    attention on the classes of each cell; then the maps are enlarged with
    two kinds of guidance: a stage of the image tower, the same for all
    classes, and the correlation maps of each class.

    Args:
        in_channels (int): D, channels of the class maps.
        out_channels (int): O, channels of the enlarged maps.
        guidance_channels (int): C, channels of the image tower's stage.
        class_guidance_channels (int): K, channels of the correlation maps.
        guidance_dims (int): G, width of both after their projection.
        num_heads (int): Heads of the attention over the classes.
        kernel_size (int): Of the ConvNeXt block.
        pool_train (int): See :class:`ClassRefinement`.
        pool_test (int): As above.
        with_cp (bool): Recompute activations in the backward pass.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        guidance_channels: int,
        class_guidance_channels: int,
        guidance_dims: int,
        num_heads: int = 4,
        kernel_size: int = 9,
        pool_train: int = 2,
        pool_test: int = 1,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        self.spatial = ConvNeXtBlock(
            in_channels, kernel_size=kernel_size, ls_init_value=1.0
        )
        self.classes = ClassRefinement(
            in_channels, 0, num_heads, pool_train, pool_test, num_slots=0
        )
        self.guidance_proj = nn.Sequential(
            nn.Conv2d(guidance_channels, guidance_dims, 3, padding=1),
            nn.ReLU(),
        )
        self.class_guidance_proj = nn.Sequential(
            nn.ConvTranspose2d(
                class_guidance_channels, guidance_dims, 2, stride=2
            ),
            nn.ReLU(),
        )
        self.upsample = UpsampleStage(
            in_channels,
            out_channels,
            guidance_dims,
            attention=False,
            class_guidance_channels=guidance_dims,
        )

    def forward(
        self, x: Tensor, class_guidance: Tensor, guidance: Tensor, chunk: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Refine all classes together and enlarge some at a time.

        Args:
            x (Tensor): (B, T, h, w, D). Overwritten where T > chunk.
            class_guidance (Tensor): (B, T, h, w, K).
            guidance (Tensor): (B, C, 2h, 2w).
            chunk (int): Classes per pass.

        Yields:
            tuple[Tensor, Tensor]: Class maps (B, t, 2h, 2w, O) and class
            guidance (B, t, 2h, 2w, G) of the next up to ``chunk`` classes.
        """
        x = self.refine(x, chunk)
        shared = self.upsample.prepare(None, self.guidance_proj(guidance))
        parts = x.split(chunk, 1), class_guidance.split(chunk, 1)
        for part, own in zip(*parts, strict=True):
            yield self._run(self._enlarge, part, own, shared)

    def refine(self, x: Tensor, chunk: int) -> Tensor:
        """Feature aggregation: (B, T, h, w, D) -> the same shape."""
        if x.shape[1] <= chunk:
            x = self._run(self.aggregate_space, x)
            return self._run(self._aggregate_classes, x, 0)
        for part in x.split(chunk, 1):
            part.copy_(self.aggregate_space(part))
        return self._aggregate_classes(x, chunk)

    def aggregate_space(self, x: Tensor) -> Tensor:
        """The ConvNeXt block: (B, T, h, w, D) -> the same shape."""
        maps = self.spatial(x.flatten(0, 1).permute(0, 3, 1, 2))
        return maps.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])

    def _aggregate_classes(self, x: Tensor, chunk: int) -> Tensor:
        return self.classes(x, x.new_empty(x.shape[1], 0), chunk)

    def _enlarge(
        self, x: Tensor, class_guidance: Tensor, shared: SharedByClasses
    ) -> tuple[Tensor, Tensor]:
        own = self.class_guidance_proj(
            class_guidance.flatten(0, 1).permute(0, 3, 1, 2)
        ).unflatten(0, x.shape[:2])
        maps = self.upsample(x.permute(0, 1, 4, 2, 3), shared, own)
        return maps.permute(0, 1, 3, 4, 2), own.permute(0, 1, 3, 4, 2)

    def _run(self, function: Callable[..., Any], *inputs: Any) -> Any:
        if self.with_cp and self.training:
            return checkpoint(function, *inputs, use_reentrant=False)
        return function(*inputs)


def join(
    parts: Iterator[tuple[Tensor, Tensor]], classes: int
) -> tuple[Tensor, Tensor]:
    """Put the parts of :class:`FusionStage` together.

    They are written in place: a list of parts would be there twice when
    joined.

    Args:
        parts (Iterator[tuple[Tensor, Tensor]]): (B, t, ...) each.
        classes (int): T, the sum of all t.

    Returns:
        tuple[Tensor, Tensor]: (B, T, ...) each.
    """
    first = next(parts)
    if first[0].shape[1] == classes:
        return first
    maps, guidance = (
        part.new_empty(len(part), classes, *part.shape[2:]) for part in first
    )
    start = 0
    for some_maps, some_guidance in chain([first], parts):
        end = start + some_maps.shape[1]
        maps[:, start:end] = some_maps
        guidance[:, start:end] = some_guidance
        start = end
    return maps, guidance
