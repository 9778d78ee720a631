# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Guidance by SAM's image encoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .base import Features, GuidanceEncoder
from .sam_attention import block_forward

if TYPE_CHECKING:
    from aeroseg.models.backbones.rotated_clip import CLIPFeatures

# https://github.com/facebookresearch/segment-anything, build_sam.py
ARCHS: dict[str, dict[str, Any]] = {
    'vit_b': {
        'embed_dim': 768,
        'depth': 12,
        'num_heads': 12,
        'global_attn_indexes': (2, 5, 8, 11),
    },
    'vit_l': {
        'embed_dim': 1024,
        'depth': 24,
        'num_heads': 16,
        'global_attn_indexes': (5, 11, 17, 23),
    },
    'vit_h': {
        'embed_dim': 1280,
        'depth': 32,
        'num_heads': 16,
        'global_attn_indexes': (7, 15, 23, 31),
    },
}
COMMON: dict[str, Any] = {
    'img_size': 1024,
    'patch_size': 16,
    'out_chans': 256,
    'window_size': 14,
    'use_rel_pos': True,
}
SAM_MEAN = (123.675, 116.28, 103.53)
SAM_STD = (58.395, 57.12, 57.375)


@MODELS.register_module()
class SAMGuidance(GuidanceEncoder):
    """Features of three blocks of SAM's image encoder.

    The encoder is ``segment_anything``'s own module, so that official state
    dicts fit; its blocks are computed by :mod:`.sam_attention`, which returns
    the same values with less work. Parts that no output needs (later
    blocks, the neck) are left out.

    The paper takes "the 8th, 16th and final layers" of SAM-L as F1, F2, F3.
    It does not say whether "final" is the last block or the neck after it
    (``last`` chooses), nor how the position embedding, which SAM stores for
    1024 px, is fitted to smaller images (``pos_embed`` chooses).

    Args:
        arch (str | dict): 'vit_b', 'vit_l', 'vit_h', or arguments of
            ``segment_anything.modeling.ImageEncoderViT``.
        out_blocks (tuple[int, int, int] | None): The blocks whose outputs are
            F1, F2, F3, counted from 1. None: one third, two thirds and the
            whole of the depth, which is (8, 16, 24) for SAM-L.
        last (str): 'block': F3 is the third block's output; 'neck': the
            neck's, which needs the last block of all.
        pos_embed (str): 'bicubic': resize the position embedding to the grid;
            'crop': take its top left corner.
        frozen (bool): Whether the encoder is a constant, or is trained.
        stride (int): Image pixels per grid cell; see :class:`GuidanceEncoder`.
        with_cp (bool): Recompute blocks in the backward pass to save memory.
        dtype (str | None): 'bfloat16' or 'float16': keep the matrices of a
            frozen encoder in that precision and compute as under autocast,
            in half the memory and without converting them for every image.
            None: the precision of the surrounding autocast.
        cache (dict | None): Keep the features of a frozen encoder on disk:
            ``dict(folder=..., max_gib=20)``; see :class:`FeatureCache`.
        init_cfg (dict | list[dict] | None): For official weights:
            ``dict(type='SAMPretrained', checkpoint=...)``.

    Examples:
        >>> import torch
        >>> small = dict(embed_dim=32, depth=3, num_heads=2, img_size=64,
        ...              global_attn_indexes=(2,), window_size=3)
        >>> encoder = SAMGuidance(small)
        >>> [tuple(f.shape) for f in encoder(torch.rand(1, 3, 64, 96))]
        [(1, 32, 4, 6), (1, 32, 4, 6), (1, 32, 4, 6)]
    """

    def __init__(
        self,
        arch: str | dict = 'vit_l',
        out_blocks: tuple[int, int, int] | None = None,
        last: str = 'block',
        pos_embed: str = 'bicubic',
        frozen: bool = True,
        stride: int = 16,
        with_cp: bool = False,
        dtype: str | None = None,
        cache: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        settings = _settings(arch)
        super().__init__(
            stride=stride,
            patch_size=settings['patch_size'],
            mean=SAM_MEAN,
            std=SAM_STD,
            frozen=frozen,
            cache=cache,
            init_cfg=init_cfg,
        )
        self.arch = arch if isinstance(arch, str) else None
        self.last = _one_of('last', last, ('block', 'neck'))
        self.pos_embed = _one_of('pos_embed', pos_embed, ('bicubic', 'crop'))
        self.with_cp = with_cp
        self.depth = settings['depth']
        self.out_blocks = _blocks(out_blocks, self.depth, last)
        self.encoder = ImageEncoderViT(
            norm_layer=partial(nn.LayerNorm, eps=1e-6), **settings
        )
        del self.encoder.blocks[self.out_blocks[-1] :]
        if last == 'block':
            self.encoder.neck = nn.Identity()
        width, neck = settings['embed_dim'], settings['out_chans']
        self.out_channels = (width, width, width if last == 'block' else neck)
        self.dtype = _dtype(dtype, frozen)
        if frozen:
            self._freeze()
        if self.dtype is not None:
            for layer in self.encoder.blocks.modules():
                if isinstance(layer, nn.Linear):
                    layer.to(self.dtype)

    @property
    def settings(self) -> dict[str, object]:
        """What the features depend on besides the weights."""
        heads = [block.attn.num_heads for block in self.encoder.blocks]
        windows = [block.window_size for block in self.encoder.blocks]
        return {
            **super().settings,
            'heads': heads,
            'windows': windows,
            'out_blocks': self.out_blocks,
            'last': self.last,
            'pos_embed': self.pos_embed,
            'dtype': self.dtype,
        }

    def encode(self, image: Tensor, clip: CLIPFeatures | None) -> Features:
        """Compute F1, F2, F3 of a normalised image; CLIP is not read."""
        if self.dtype is None:
            return self._features(image)
        with torch.autocast(image.device.type, self.dtype):
            return self._features(image)

    def position(self, height: int, width: int) -> Tensor:
        """Fit the absolute position embedding to a grid.

        Args:
            height (int): Rows of the grid.
            width (int): Columns of the grid.

        Returns:
            Tensor: (1, height, width, C).

        Raises:
            ValueError: If ``pos_embed`` is 'crop' and the grid is larger than
                the stored one.
        """
        stored = self.encoder.pos_embed
        rows, columns = stored.shape[1:3]
        if (rows, columns) == (height, width):
            return stored
        if self.pos_embed == 'bicubic':
            maps = stored.permute(0, 3, 1, 2)
            size = (height, width)
            return F.interpolate(maps, size, mode='bicubic').permute(
                0, 2, 3, 1
            )
        if height > rows or width > columns:
            raise ValueError(
                f'A grid of {height} x {width} cells cannot be cropped out of '
                f"SAM's position embedding of {rows} x {columns}. Set "
                "pos_embed='bicubic', or use smaller images."
            )
        return stored[:, :height, :width]

    def _features(self, image: Tensor) -> Features:
        """Run the blocks up to the last one needed."""
        x = self.encoder.patch_embed(image)  # (B, h, w, C)
        if self.encoder.pos_embed is not None:
            x = x + self.position(x.shape[1], x.shape[2])
        outputs = []
        for index, block in enumerate(self.encoder.blocks, start=1):
            x = self._run(block, x)
            outputs += [x] * self.out_blocks.count(index)
        first, second, third = (y.permute(0, 3, 1, 2) for y in outputs)
        return first, second, self.encoder.neck(third)

    def _run(self, block: nn.Module, x: Tensor) -> Tensor:
        """Compute a block, and again in the backward pass with ``with_cp``."""
        if self.with_cp and x.requires_grad:
            return checkpoint(block_forward, block, x, use_reentrant=False)
        return block_forward(block, x)


def _settings(arch: str | dict) -> dict[str, Any]:
    """Arguments of ImageEncoderViT for an architecture."""
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise ValueError(
                f'Unknown SAM encoder {arch!r}: arch is one of '
                f'{", ".join(map(repr, ARCHS))} or a dict of arguments of '
                'segment_anything.modeling.ImageEncoderViT.'
            )
        arch = ARCHS[arch]
    missing = {'embed_dim', 'depth', 'num_heads'} - arch.keys()
    if missing:
        raise ValueError(
            f'The arch dict of SAMGuidance lacks {sorted(missing)}; '
            f'got {sorted(arch)}.'
        )
    return {**COMMON, **arch}


def _blocks(
    blocks: tuple[int, int, int] | None, depth: int, last: str
) -> tuple[int, int, int]:
    """Check the output blocks, or derive them from the depth."""
    if blocks is None:
        blocks = (
            max(1, round(depth / 3)),
            max(1, round(2 * depth / 3)),
            depth,
        )
    if len(blocks) != 3 or list(blocks) != sorted(blocks):
        raise ValueError(
            f'out_blocks names three blocks, shallow to deep; got {blocks}.'
        )
    if blocks[0] < 1 or blocks[-1] > depth:
        raise ValueError(
            f'out_blocks counts from 1 to the depth, {depth}; got {blocks}.'
        )
    if last == 'neck' and blocks[-1] != depth:
        raise ValueError(
            f"last='neck' needs the last block, {depth}, as the third of "
            f'out_blocks; got {blocks}.'
        )
    first, second, third = blocks
    return first, second, third


def _dtype(name: str | None, frozen: bool) -> torch.dtype | None:
    """The precision of that name, for a frozen encoder."""
    if name is None:
        return None
    _one_of('dtype', name, ('bfloat16', 'float16'))
    if not frozen:
        raise ValueError(
            f'dtype={name!r} is for a frozen encoder; train one under '
            'AmpOptimWrapper instead, which keeps float32 weights.'
        )
    return getattr(torch, name)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return the value if it is allowed."""
    if value not in allowed:
        choices = ' or '.join(map(repr, allowed))
        raise ValueError(f'{name} is {choices}; got {value!r}.')
    return value
