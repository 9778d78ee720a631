# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""CLIP's self-attention with separate query, key and value weights."""

from collections.abc import MutableMapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .attention import attend


class SplitAttention(nn.Module):
    """Multi-head self-attention; q, k and v weights are frozen separately.

    CAT-Seg, OVRS and AerOSeg train only the query and value projections of
    CLIP. ``nn.MultiheadAttention`` keeps the three in one tensor, which an
    optimiser with weight decay can only change as a whole; here they are
    three parameters and the bias stays fused, as in the published
    checkpoints. A state dict with a fused ``in_proj_weight`` (OpenAI,
    open_clip) loads as well.

    Args:
        attention (nn.MultiheadAttention): The layer to take the sizes and the
            initial weights from.
    """

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        q, k, v = attention.in_proj_weight.detach().chunk(3)
        self.q_proj_weight = nn.Parameter(q.clone())
        self.k_proj_weight = nn.Parameter(k.clone())
        self.v_proj_weight = nn.Parameter(v.clone())
        self.in_proj_bias = attention.in_proj_bias
        self.out_proj = attention.out_proj

    def forward(
        self, x: Tensor, is_causal: bool = False, bias: Tensor | None = None
    ) -> Tensor:
        """Attend within each sequence.

        Args:
            x (Tensor): Tokens, (N, L, C).
            is_causal (bool): Whether a token sees only those before it.
            bias (Tensor, optional): Added to the scores, (N, heads, L, L).

        Returns:
            Tensor: (N, L, C).
        """
        weights = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        q, k, v = (
            F.linear(x, weight, bias)
            .unflatten(-1, (self.num_heads, -1))
            .transpose(1, 2)
            for weight, bias in zip(
                weights, self.in_proj_bias.chunk(3), strict=True
            )
        )
        if bias is None:
            out = attend(q, k, v, is_causal)
        else:
            out = F.scaled_dot_product_attention(q, k, v, bias)
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def value_path(self, x: Tensor) -> Tensor:
        """The output if every token attended only to itself.

        Args:
            x (Tensor): Tokens, (N, L, C).

        Returns:
            Tensor: Output projection of the value projection, (N, L, C).
        """
        bias = self.in_proj_bias.chunk(3)[2]
        return self.out_proj(F.linear(x, self.v_proj_weight, bias))

    def _load_from_state_dict(
        self,
        state_dict: MutableMapping[str, Any],
        prefix: str,
        *args: Any,
    ) -> None:
        fused = state_dict.pop(f'{prefix}in_proj_weight', None)
        if fused is not None:
            for name, part in zip('qkv', fused.chunk(3), strict=True):
                state_dict[f'{prefix}{name}_proj_weight'] = part
        super()._load_from_state_dict(state_dict, prefix, *args)


def freeze_but_qv(module: nn.Module) -> None:
    """Leave only the q and v projection weights of a CLIP tower trainable."""
    for name, parameter in module.named_parameters():
        parameter.requires_grad = name.endswith(
            ('q_proj_weight', 'v_proj_weight')
        )


def set_trainable(module: nn.Module, trainable: str) -> None:
    """Choose what of a CLIP tower is trained.

    Args:
        module (nn.Module): The tower.
        trainable (str): 'qv' (query and value projections, the paper), 'all'
            or 'none'.

    Raises:
        ValueError: If trainable is something else.
    """
    if trainable == 'qv':
        freeze_but_qv(module)
    elif trainable in ('all', 'none'):
        module.requires_grad_(trainable == 'all')
    else:
        raise ValueError(
            f"trainable={trainable!r}; allowed are 'qv', 'all' and 'none'"
        )
