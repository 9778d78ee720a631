# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Dense CLIP features of an image seen from several rotations (eq. 1)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.transformer import ResidualAttentionBlock
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..layers.clip_towers import (
    ClipModel,
    build_vision_tower,
    run_block,
    run_mlp,
)
from ..layers.split_attention import set_trainable
from .clip_tokens import embed_patches, to_patch_scale


class CLIPFeatures(NamedTuple):
    """What an image tower returns.

    Attributes:
        dense (Tensor): Features in the space of the text, turned back to 0
            degrees, (B, R, C, h, w), any scale.
        intermediate (tuple[Tensor, ...]): Outputs of chosen blocks of the
            0-degree view, each (B, W, h, w); of a ConvNeXt, its stages, whose
            grids differ.
        upright (int): Place of the 0-degree view in ``dense``.
    """

    dense: Tensor
    intermediate: tuple[Tensor, ...]
    upright: int = 0


@MODELS.register_module()
class RotatedCLIP(BaseModule):
    """CLIP's image tower, dense, applied to rotated copies of the image.

    Dense features follow the code that CAT-Seg and OVRS published: in the
    last block every token takes its own value (no attention), the residual
    is the CLASS token's for all tokens, then MLP, final norm and projection.
    All views go through the tower in one batch.

    Args:
        model (str | dict): open_clip model name or config.
        rotations (Sequence[int]): Degrees, counter-clockwise, multiples of
            90, no two equal.
        out_indices (Sequence[int]): 0-based blocks whose maps of the
            0-degree view are returned as well (guidance of the Baseline).
        stride (int): Image pixels per grid cell. Where it differs from the
            patch size the image is resized by patch size / stride, so that
            towers of other patch sizes share one grid.
        trainable (str): 'qv' (the paper: query and value projections), 'all'
            or 'none'. What the dense path does not use is never trained.
        residual (str): Residual of the last block: 'class' (as published)
            or 'token' (each token its own).
        with_cp (bool | int): Recompute activations in the backward pass, of
            all blocks or of the first so many: fewer take more memory and
            less time.
        init_cfg (dict, optional): ``dict(type='CLIPPretrained',
            checkpoint=...)``.

    Raises:
        ValueError: If a rotation is not a multiple of 90, given twice, or 0
            is missing though ``out_indices`` asks for it.
    """

    def __init__(
        self,
        model: ClipModel = 'ViT-B-16-quickgelu',
        rotations: Sequence[int] = (0, 90, 180, 270),
        out_indices: Sequence[int] = (),
        stride: int = 16,
        trainable: str = 'qv',
        residual: str = 'class',
        with_cp: bool | int = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model = model
        self.visual = build_vision_tower(model)
        self.rotations = tuple(rotations)
        self.out_indices = tuple(out_indices)
        self.stride = stride
        self.residual = residual
        self.with_cp = with_cp
        self._check()
        set_trainable(self.visual, trainable)
        # The dense path has no attention in the last block.
        last = self.visual.transformer.resblocks[-1].attn
        last.q_proj_weight.requires_grad = False
        last.k_proj_weight.requires_grad = False
        for name, value in (
            ('mean', OPENAI_DATASET_MEAN),
            ('std', OPENAI_DATASET_STD),
        ):
            pixel = 255 * torch.tensor(value).view(3, 1, 1)
            self.register_buffer(name, pixel, persistent=False)

    def _check(self) -> None:
        rotations = self.rotations
        bad = [r for r in rotations if r % 90]
        turns = [r // 90 % 4 for r in rotations]
        if not rotations or bad or len(set(turns)) < len(turns):
            raise ValueError(
                f'rotations={rotations}; allowed are different multiples of '
                '90 degrees, for example (0, 90, 180, 270)'
            )
        if self.out_indices and 0 not in turns:
            raise ValueError(
                f'out_indices={self.out_indices} are maps of the 0-degree '
                f'view, which is missing in rotations={rotations}'
            )
        depth = len(self.visual.transformer.resblocks)
        if any(not 0 <= i < depth - 1 for i in self.out_indices):
            raise ValueError(
                f'out_indices={self.out_indices}; allowed are blocks 0 to '
                f'{depth - 2} (block {depth - 1} runs in its dense form only)'
            )
        if self.residual not in ('class', 'token'):
            raise ValueError(
                f"residual={self.residual!r}; allowed are 'class', 'token'"
            )

    @property
    def upright(self) -> int:
        """Place of the 0-degree view; the first view if there is none."""
        turns = [r % 360 for r in self.rotations]
        return turns.index(0) if 0 in turns else 0

    @property
    def embed_dims(self) -> int:
        """C, the width of the space that image and text share."""
        return self.visual.output_dim

    @property
    def hidden_dims(self) -> int:
        """W, the width of the intermediate maps."""
        return self.visual.class_embedding.numel()

    @property
    def patch_size(self) -> int:
        """Pixels per patch at the tower's own input size."""
        return self.visual.patch_size[0]

    def forward(self, image: Tensor) -> CLIPFeatures:
        """Encode all views.

        Args:
            image (Tensor): RGB, 0-255, (B, 3, H, W); H and W multiples of
                the stride.

        Returns:
            CLIPFeatures: Features on a grid of H / stride x W / stride.

        Raises:
            ValueError: If H or W is not a multiple of the stride.
        """
        x = self._prepare(image)
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        views = [torch.rot90(x, r // 90, dims=(2, 3)) for r in self.rotations]
        for index, view in enumerate(views):
            groups[view.shape[2], view.shape[3]].append(index)
        dense: dict[int, Tensor] = {}
        maps: tuple[Tensor, ...] = ()
        for members in groups.values():
            out, tokens, grid = self._encode([views[i] for i in members])
            dense.update(zip(members, out, strict=True))
            if self.upright in members:
                at = members.index(self.upright)
                maps = tuple(self._to_map(t[at], grid) for t in tokens)
        turned = [
            torch.rot90(dense[i], -(r // 90), dims=(2, 3))
            for i, r in enumerate(self.rotations)
        ]
        return CLIPFeatures(torch.stack(turned, dim=1), maps, self.upright)

    def _prepare(self, image: Tensor) -> Tensor:
        x = (image - self.mean) / self.std
        return to_patch_scale(x, self.stride, self.patch_size)

    def _encode(
        self, views: list[Tensor]
    ) -> tuple[tuple[Tensor, ...], list[tuple[Tensor, ...]], tuple[int, int]]:
        """Views of one shape -> dense maps per view, block outputs, grid."""
        visual, count = self.visual, len(views)
        x, grid = embed_patches(visual, torch.cat(views))
        tokens = []
        *blocks, last = visual.transformer.resblocks
        recomputed = len(blocks) if self.with_cp is True else self.with_cp
        for index, block in enumerate(blocks):
            if index < recomputed and self.training:
                x = checkpoint(run_block, block, x, use_reentrant=False)
            else:
                x = run_block(block, x)
            if index in self.out_indices:
                tokens.append(_by_view(x[:, 1:], count))
        dense = self._last_block(last, x)
        maps = _by_view(self._to_map(dense, grid), count)
        return maps, tokens, grid

    def _last_block(self, block: ResidualAttentionBlock, x: Tensor) -> Tensor:
        """Value path, residual, MLP, norm, projection of the patch tokens."""
        patches = x[:, 1:]
        base = x[:, :1] if self.residual == 'class' else patches
        y = base + block.ls_1(block.attn.value_path(block.ln_1(patches)))
        y = y + block.ls_2(run_mlp(block, block.ln_2(y)))
        return F.linear(self.visual.ln_post(y), self.visual.proj.T)

    @staticmethod
    def _to_map(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """(N, h * w, C) -> (N, C, h, w)."""
        return tokens.transpose(1, 2).unflatten(2, grid)


def _by_view(x: Tensor, count: int) -> tuple[Tensor, ...]:
    """(count * B, ...) -> count times (B, ...)."""
    return x.unflatten(0, (count, -1)).unbind()
