# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Dense CLIP features by methods that need no training."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

from ..layers.clip_towers import (
    ClipModel,
    build_vision_tower,
    run_block,
    run_mlp,
)
from .clip_tokens import embed_patches, to_patch_scale
from .last_block import (
    ATTENTIONS,
    proxy_attention,
    proxy_weights,
    self_self_attention,
)

PROXY = 'proxy'


class DenseFeatures(NamedTuple):
    """What :class:`DenseCLIP` returns.

    Attributes:
        patches (Tensor): In the space of the text, any scale, (B, C, h, w).
        token (Tensor | None): The class token by the same last block,
            (B, C); None with 'proxy', which drops it.
        image (Tensor): The normalised image that CLIP saw, (B, 3, H', W').
    """

    patches: Tensor
    token: Tensor | None
    image: Tensor


@MODELS.register_module()
class DenseCLIP(BaseModule):
    """CLIP's image tower with another attention in its last block.

    All blocks but the last run as they are. The last one takes ``attention``
    in place of its own, with or without residual and perceptron; final norm
    and projection are applied to every token. Nothing is trained.

    ================  =============================  =====================
    method            attention                      residual as published
    ================  =============================  =====================
    plain dense CLIP  'vanilla': S(q, k)             True
    MaskCLIP          'maskclip': a token's own v    True
    SCLIP             'sclip': S(q, q) + S(k, k)     True
    ClearCLIP         'clearclip': S(q, q)           False
    SegEarth-OV       'segearth': qq + kk + vv       False
    ProxyCLIP         'proxy': another model's maps  False
    ================  =============================  =====================

    Args:
        model (str | dict): open_clip model name or config.
        attention (str): See above.
        residual (bool): Keep residual connections and perceptron of the last
            block. False sends the attention's output to the final norm.
        stride (int): Image pixels per grid cell. Where it differs from the
            patch size the image is resized by patch size / stride.
        position_offset (float): How the position embedding is resized; see
            :func:`position_table`. 0.1 as in all of these methods but
            MaskCLIP, which has 0.
        proxy_shift (float): See :func:`proxy_weights`.
        proxy_scale (float): As above.
        init_cfg (dict, optional): ``dict(type='CLIPPretrained',
            checkpoint=...)``.

    Raises:
        ValueError: If the attention is unknown, 'proxy' is to have a
            residual, or the model is not a plain ViT.
    """

    def __init__(
        self,
        model: ClipModel = 'ViT-B-16-quickgelu',
        attention: str = 'segearth',
        residual: bool = False,
        stride: int = 16,
        position_offset: float = 0.1,
        proxy_shift: float = 1.2,
        proxy_scale: float = 3.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if attention not in (*ATTENTIONS, PROXY):
            raise ValueError(
                f'attention={attention!r}; allowed are {[*ATTENTIONS, PROXY]}'
            )
        if residual and attention == PROXY:
            raise ValueError(
                "attention='proxy' has a grid of its own, so there is no "
                'residual to add: set residual=False'
            )
        self.model = model
        self.visual = build_vision_tower(model)
        self.attention = attention
        self.residual = residual
        self.stride = stride
        self.position_offset = position_offset
        self.proxy_shift = proxy_shift
        self.proxy_scale = proxy_scale
        self.requires_grad_(False)
        for name, value in (
            ('mean', OPENAI_DATASET_MEAN),
            ('std', OPENAI_DATASET_STD),
        ):
            pixel = 255 * torch.tensor(value).view(3, 1, 1)
            self.register_buffer(name, pixel, persistent=False)

    @property
    def embed_dims(self) -> int:
        """C, the width of the space that image and text share."""
        return self.visual.output_dim

    def forward(
        self, image: Tensor, proxy: Tensor | None = None
    ) -> DenseFeatures:
        """Encode.

        Args:
            image (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.
            proxy (Tensor, optional): Features of another model, (B, C', h',
                w'), for 'proxy'. The result has their grid.

        Returns:
            DenseFeatures: On a grid of H / stride x W / stride.

        Raises:
            ValueError: If H or W is not a multiple of the stride, or 'proxy'
                lacks the other model's features.
        """
        if (proxy is None) == (self.attention == PROXY):
            raise ValueError(
                f'attention={self.attention!r} with '
                f'{"no" if proxy is None else "a"} proxy map; features of '
                "another model go with attention='proxy', and only with it"
            )
        x = (image - self.mean) / self.std
        x = to_patch_scale(x, self.stride, self.visual.patch_size[0])
        tokens, grid = embed_patches(self.visual, x, self.position_offset)
        for block in self.visual.transformer.resblocks[:-1]:
            tokens = run_block(block, tokens)
        if proxy is None:
            out = self._finish(self._last_block(tokens))
            token, patches = out[:, 0], out[:, 1:]
        else:
            token = None
            patches = self._finish(self._by_proxy(tokens, grid, proxy))
            grid = (proxy.shape[2], proxy.shape[3])
        maps = patches.transpose(1, 2).unflatten(2, grid)
        return DenseFeatures(maps, token, x)

    def _last_block(self, x: Tensor) -> Tensor:
        """The changed last block, (B, L, W) -> (B, L, W)."""
        block = self.visual.transformer.resblocks[-1]
        pairs = ATTENTIONS[self.attention]
        y = self_self_attention(block.attn, block.ln_1(x), pairs)
        if not self.residual:
            return y
        y = x + block.ls_1(y)
        return y + block.ls_2(run_mlp(block, block.ln_2(y)))

    def _by_proxy(
        self, x: Tensor, grid: tuple[int, int], proxy: Tensor
    ) -> Tensor:
        """The last block of ProxyCLIP, (B, L, W) -> (B, h' * w', W)."""
        block = self.visual.transformer.resblocks[-1]
        return proxy_attention(
            block.attn,
            block.ln_1(x[:, 1:]),
            grid,
            proxy_weights(proxy, self.proxy_shift, self.proxy_scale),
            (proxy.shape[2], proxy.shape[3]),
        )

    def _finish(self, x: Tensor) -> Tensor:
        """Final norm and projection of every token: (B, L, C)."""
        return F.linear(self.visual.ln_post(x), self.visual.proj.T)
