# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Attention-aware upsampling of class maps by a factor of two (eqs. 8-11)."""

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aeroseg.acceleration import is_recorded


class GuidanceAttention(nn.Module):
    """Weighs the guidance by what the class-averaged maps attend to.

    ``g -> channel * g + space * g + g`` with ``channel`` from the mean over
    space and ``space`` from the mean over channels of the class-averaged
    upsampled maps, each through a 1x1 convolution, no sigmoid (eqs. 8-10; the
    paper swaps the two names, the sum is the same).

    Args:
        in_channels (int): Channels of the class maps.
        guidance_channels (int): Channels of the guidance.
    """

    def __init__(self, in_channels: int, guidance_channels: int) -> None:
        super().__init__()
        self.channel = nn.Conv2d(in_channels, guidance_channels, 1)
        self.space = nn.Conv2d(1, 1, 1)

    def forward(self, guidance: Tensor, mean: Tensor) -> Tensor:
        """Weigh the guidance.

        Args:
            guidance (Tensor): (B, G, H, W).
            mean (Tensor): Class-averaged maps, (B, C, H, W).

        Returns:
            Tensor: (B, G, H, W).
        """
        channel = self.channel(mean.mean(dim=(2, 3), keepdim=True))
        space = self.space(mean.mean(dim=1, keepdim=True))
        return channel * guidance + space * guidance + guidance


class SharedByClasses(NamedTuple):
    """What all classes share of the first convolution of a stage.

    Attributes:
        offset (Tensor): What guidance and bias add, (B, O, 2h, 2w).
        kernels (Tensor): For the maps, (4 * O, C, 2, 2).
    """

    offset: Tensor
    kernels: Tensor


class UpsampleStage(nn.Module):
    """Transposed convolution, concatenated guidance, two 3x3 convolutions.

    Two exact rewrites save time. The convolution of [maps ; guidance] is the
    sum of one over the maps and one over the guidance; the second is the
    same for all classes and is computed once. The transposed convolution
    (2x2, stride 2) and the 3x3 convolution over its output are both linear:
    together they are one 2x2 convolution on the coarse grid per output
    phase, half the work, plus the bias seen through the 3x3 convolution.

    Args:
        in_channels (int): Channels of the maps.
        out_channels (int): Channels of the result.
        guidance_channels (int): Channels of the guidance; the transposed
            convolution makes the rest of ``in_channels``.
        attention (bool): Weigh the guidance by :class:`GuidanceAttention`.
        class_guidance_channels (int): Channels of a second guidance, which
            each class has for itself (SED); 0 for none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        guidance_channels: int,
        attention: bool,
        class_guidance_channels: int = 0,
    ) -> None:
        super().__init__()
        up_channels = in_channels - guidance_channels
        groups = max(out_channels // 16, 1)
        self.up = nn.ConvTranspose2d(in_channels, up_channels, 2, stride=2)
        self.attention = (
            GuidanceAttention(up_channels, guidance_channels)
            if attention
            else None
        )
        self.conv1 = nn.Conv2d(
            in_channels + class_guidance_channels,
            out_channels,
            3,
            padding=1,
            bias=False,
        )
        self.norm1 = nn.GroupNorm(groups, out_channels)
        self.conv2 = nn.Conv2d(
            out_channels, out_channels, 3, padding=1, bias=False
        )
        self.norm2 = nn.GroupNorm(groups, out_channels)

    def prepare(
        self, mean: Tensor | None, guidance: Tensor
    ) -> SharedByClasses:
        """What all classes share of the first convolution.

        Args:
            mean (Tensor | None): Class-averaged input maps, (B, C, h, w);
                only attention needs them.
            guidance (Tensor): (B, G, 2h, 2w).

        Returns:
            SharedByClasses: Of the first convolution, what the guidance adds
            and the kernels for the maps.
        """
        if self.attention is not None:
            guidance = self.attention(guidance, self.up(mean))
        bias = cast(Tensor, self.up.bias).view(1, -1, 1, 1)
        bias = bias.expand(guidance.shape[0], -1, *guidance.shape[2:])
        both = torch.cat([bias.to(guidance.dtype), guidance], 1)
        weight = self.conv1.weight[:, : both.shape[1]]
        offset = F.conv2d(both, weight, padding=1)
        return SharedByClasses(offset, self._phase_kernels())

    def forward(
        self,
        x: Tensor,
        shared: SharedByClasses,
        class_guidance: Tensor | None = None,
    ) -> Tensor:
        """Upsample some classes.

        Args:
            x (Tensor): (B, T, C, h, w), any subset of the classes.
            shared (SharedByClasses): From :meth:`prepare`.
            class_guidance (Tensor, optional): (B, T, K, 2h, 2w), of the same
                classes.

        Returns:
            Tensor: (B, T, O, 2h, 2w).
        """
        height, width = x.shape[3:]
        y = _upsampling_conv(x.flatten(0, 1), shared.kernels)
        offset = shared.offset.permute(0, 2, 3, 1).unsqueeze(1)
        offset = offset.unflatten(3, (width, 2)).unflatten(2, (height, 2))
        y = _sum_in_order(y.unflatten(0, x.shape[:2]), offset).flatten(0, 1)
        y = y.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
        if class_guidance is not None:
            weight = self.conv1.weight[:, self.up.in_channels :]
            own = F.conv2d(class_guidance.flatten(0, 1), weight, padding=1)
            y = y + own
        y = F.relu(self.norm1(y), inplace=True)
        y = F.relu(self.norm2(self.conv2(y)), inplace=True)
        return y.unflatten(0, x.shape[:2])

    def _phase_kernels(self) -> Tensor:
        """The composed kernels of the four phases, (4 * O, C, 2, 2).

        Output row 2i + a sees fine rows 2i + a - 1 .. 2i + a + 1, which lie
        in coarse rows i + a - 1 and i + a. A fine kernel row k of phase a
        falls on fine row 2i + (a + k - 1), that is on tap (a + k - 1) // 2
        + 1 - a of the two, at sub-row (a + k - 1) % 2.
        """
        fine = self.conv1.weight[:, : self.up.out_channels]
        up = self.up.weight  # (C, M, sub-row x, sub-column y)
        taps = fine.new_tensor(_TAPS)
        with torch.autocast(fine.device.type, enabled=False):  # round once
            kernels = torch.einsum(
                'omkl,cmxy,akxr,blys->abocrs', fine, up, taps, taps
            )
        return kernels.flatten(0, 2)


def _tap(a: int, k: int, x: int, r: int) -> float:
    """1 where fine kernel row k of phase a is sub-row x of tap r."""
    row, sub_row = divmod(a + k - 1, 2)
    return float((sub_row, row + 1 - a) == (x, r))


_TAPS = [
    [[[_tap(a, k, x, r) for r in (0, 1)] for x in (0, 1)] for k in (0, 1, 2)]
    for a in (0, 1)
]


def _sum_in_order(woven: Tensor, offset: Tensor) -> Tensor:
    """The sum of the two, contiguous, which a plain sum would not be."""
    if is_recorded():
        return woven + offset
    out = woven.new_empty(woven.shape)
    return torch.add(woven, offset.to(woven.dtype), out=out)


def _upsampling_conv(x: Tensor, kernels: Tensor) -> Tensor:
    """Four 2x2 convolutions, one per output phase, interleaved.

    Phase (a, b) of cell (i, j) is the convolution's output at (i + a, j + b),
    since its kernel begins one cell earlier where a or b is 0. Interleaving
    is therefore a matter of strides; nothing is copied.

    Args:
        x (Tensor): (N, C, h, w).
        kernels (Tensor): (4 * O, C, 2, 2), a outermost, then b.

    Returns:
        Tensor: (N, h, 2, w, 2, O), a view; row 2i + a, column 2j + b.
    """
    count, _, height, width = x.shape
    out = F.conv2d(x, kernels.to(x.dtype), padding=1)
    out = out.permute(0, 2, 3, 1).contiguous()
    channels = out.shape[-1] // 4
    image, row, cell, _ = out.stride()
    return out.as_strided(
        (count, height, 2, width, 2, channels),
        (image, row, row + 2 * channels, cell, cell + channels, 1),
    )
