# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The CLIP of CAT-Seg and OVRS, plainly: one pass per rotation, 77 tokens.

Written from the published description and checked against tensors that the
published code computed (test_golden.py). Attribute names are those of the
published state dicts, so that their tensors load by name.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class QuickGELU(nn.Module):
    """OpenAI CLIP's activation."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class SplitAttention(nn.Module):
    """Multi-head attention with separate projections and a fused bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj_weight = nn.Parameter(torch.empty(width, width))
        self.k_proj_weight = nn.Parameter(torch.empty(width, width))
        self.v_proj_weight = nn.Parameter(torch.empty(width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        for name in ('q', 'k', 'v'):
            weight = getattr(self, f'{name}_proj_weight')
            nn.init.normal_(weight, std=width**-0.5)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(L, N, width) -> (L, N, width)."""
        out, _ = F.multi_head_attention_forward(
            x, x, x,
            embed_dim_to_check=x.shape[-1],
            num_heads=self.heads,
            in_proj_weight=None,
            in_proj_bias=self.in_proj_bias,
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=self.out_proj.weight,
            out_proj_bias=self.out_proj.bias,
            need_weights=False,
            attn_mask=mask,
            use_separate_proj_weight=True,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
        )  # fmt: skip
        return out

    def values(self, x: Tensor) -> Tensor:
        """Only the value path: every token attends to itself."""
        bias = self.in_proj_bias.chunk(3)[2]
        return self.out_proj(F.linear(x, self.v_proj_weight, bias))


class CLIPBlock(nn.Module):
    """A residual attention block; ``dense`` is the published last one."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = SplitAttention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module('c_fc', nn.Linear(width, 4 * width))
        self.mlp.add_module('gelu', QuickGELU())
        self.mlp.add_module('c_proj', nn.Linear(4 * width, width))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))

    def dense(self, x: Tensor) -> Tensor:
        """Values of each token on the CLASS token's residual."""
        x = x[:1] + self.attn.values(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class CLIPTransformer(nn.Module):
    """A stack of blocks."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        blocks = [CLIPBlock(width, heads) for _ in range(layers)]
        self.resblocks = nn.ModuleList(blocks)


class CLIPVision(nn.Module):
    """The image tower with dense output."""

    def __init__(
        self, embed_dim: int, image: int, width: int, layers: int, patch: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        scale = width**-0.5
        tokens = (image // patch) ** 2 + 1
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(
            scale * torch.randn(tokens, width)
        )
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = CLIPTransformer(width, layers, max(1, width // 64))
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, embed_dim))

    def position(self, height: int, width: int) -> Tensor:
        """(1 + h * w, width), resized bicubically."""
        table = self.positional_embedding
        side = round((table.shape[0] - 1) ** 0.5)
        if (height, width) == (side, side):
            return table
        maps = table[1:].T.reshape(1, -1, side, side)
        maps = F.interpolate(maps, (height, width), mode='bicubic')
        return torch.cat([table[:1], maps.flatten(2)[0].T])

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, H, W) -> (B, 1 + h * w, C), and each block's map."""
        x = self.conv1(image)
        batch, width, rows, columns = x.shape
        x = x.flatten(2).transpose(1, 2)
        token = self.class_embedding.expand(batch, 1, width)
        x = torch.cat([token, x], dim=1) + self.position(rows, columns)
        x = self.ln_pre(x).transpose(0, 1)
        maps = []
        for block in self.transformer.resblocks[:-1]:
            x = block(x)
            maps.append(x[1:].permute(1, 2, 0).unflatten(-1, (rows, columns)))
        x = self.transformer.resblocks[-1].dense(x).transpose(0, 1)
        return self.ln_post(x) @ self.proj, maps


class PublishedCLIP(nn.Module):
    """Both towers.

    Args:
        embed_dim (int): Embedding width C.
        image (int): Side of the images CLIP was trained on, in pixels.
        width (int): Width of the image tower.
        layers (int): Blocks of the image tower.
        patch (int): Side of a patch in pixels.
        text_width (int): Width of the text tower.
        text_layers (int): Blocks of the text tower.
        vocabulary (int): Number of tokens.
        context (int): Tokens of a prompt.
    """

    def __init__(
        self,
        embed_dim: int = 512,
        image: int = 224,
        width: int = 768,
        layers: int = 12,
        patch: int = 16,
        text_width: int = 512,
        text_layers: int = 12,
        vocabulary: int = 49408,
        context: int = 77,
    ) -> None:
        super().__init__()
        self.visual = CLIPVision(embed_dim, image, width, layers, patch)
        heads = max(1, text_width // 64)
        self.transformer = CLIPTransformer(text_width, text_layers, heads)
        self.token_embedding = nn.Embedding(vocabulary, text_width)
        self.positional_embedding = nn.Parameter(
            0.01 * torch.randn(context, text_width)
        )
        self.ln_final = nn.LayerNorm(text_width)
        self.text_projection = nn.Parameter(
            text_width**-0.5 * torch.randn(text_width, embed_dim)
        )
        self.logit_scale = nn.Parameter(torch.tensor(100.0).log())

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(N, 77) token ids -> (N, C), unit length."""
        length = tokens.shape[1]
        mask = tokens.new_full(
            (length, length), float('-inf'), dtype=torch.float32
        ).triu(1)
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        x = x.transpose(0, 1)
        for block in self.transformer.resblocks:
            x = block(x, mask.to(x.dtype))
        x = self.ln_final(x.transpose(0, 1))
        ends = tokens.argmax(dim=-1)
        x = x[torch.arange(len(x)), ends] @ self.text_projection
        return F.normalize(x, dim=-1)
