# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
# Adapted from https://github.com/facebookresearch/segment-anything
# (Apache-2.0): the same function, computed with less work.
"""One block of SAM's image encoder, without work on padded cells.

SAM attends inside attention windows (here: windows) of 14 x 14 cells and pads
the grid with zeros until they fit. It pads after the norm, so that in every
padded cell the query, key and value are the biases b_q, b_k, b_v of the
projection. Two things follow, both exact:

* Nothing needs to be projected for the padding, and its queries, whose output
  is cut away, need not be computed.
* All padded keys of a window act as ONE key. They share the
  value b_v, so all that a query q in cell (i, j) needs is their summed weight

      sum over padded (k, l) of exp(s q.b_k + r_h[i, k] + r_w[j, l])

  where r_h and r_w are the decomposed relative-position terms of q. As the
  padding is "rows below, any column" plus "rows inside, columns to the
  right", the sum factorises and its logarithm needs only sums along one
  axis. That logarithm is the relative-position term of the single key b_k.

A 24 x 24 grid (384 px) falls into windows of 196, 140, 140 and 100 real cells
instead of four of 196: 576 projected cells for 784, and 58 % of the weights.

This is what it gains over timm's samvit, which pads, with equal weights and
linear layers: SAM-L at 384 px in float32 takes 0.89 of timm's time for one
image and 0.80 for two, in the same memory (2.16 and 2.25 GiB), and the
features agree to 7e-6:

    python benchmarks/benchmark_sam.py --against timm --cpu-time --threads 1

That was measured on an AMD EPYC with AVX2, on which bfloat16 is emulated;
docs/notes/performance.md says what is known of it.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from segment_anything.modeling.image_encoder import Attention, Block
from torch import Tensor

from ..layers.attention import by_product, product_attention
from ..layers.feed_forward import add_to, feed_forward


class _Span(NamedTuple):
    """Windows along one axis that hold equally many real cells."""

    start: int
    number: int
    size: int

    @property
    def extent(self) -> slice:
        """The cells that these windows cover."""
        return slice(self.start, self.start + self.number * self.size)


class _Terms(NamedTuple):
    """What the positions add to the logits of each query.

    rows is (N, heads, h * w, h), columns (N, heads, h * w, w) and padding,
    where the window has any, (N, heads, h * w).
    """

    rows: Tensor
    columns: Tensor
    padding: Tensor | None

    def present(self) -> list[Tensor]:
        """The terms side by side along the last axis."""
        padding = [] if self.padding is None else [self.padding[..., None]]
        return [self.rows, self.columns, *padding]

    def bias(self) -> Tensor:
        """One number per query and key, (N, heads, h * w, keys)."""
        bias = self.rows[..., None] + self.columns[..., None, :]
        return torch.cat([bias.flatten(-2), *self.present()[2:]], dim=-1)

    def marks(self, k: Tensor) -> Tensor:
        """1 where a term belongs to a key: (N, heads, keys, terms)."""
        height, width = self.rows.shape[-1], self.columns.shape[-1]
        row = torch.eye(height, dtype=k.dtype, device=k.device)
        column = torch.eye(width, dtype=k.dtype, device=k.device)
        marks = torch.cat(
            [row.repeat_interleave(width, 0), column.repeat(height, 1)], dim=-1
        )
        if self.padding is not None:
            marks = torch.block_diag(marks, marks.new_ones(1, 1))
        return marks.expand(*k.shape[:2], -1, -1)


def block_forward(block: Block, x: Tensor) -> Tensor:
    """Compute one transformer block.

    Args:
        block (Block): A block of ``segment_anything``'s ImageEncoderViT.
        x (Tensor): Tokens, (B, h, w, C), any h and w.

    Returns:
        Tensor: What ``block(x)`` returns, (B, h, w, C).
    """
    y = attention_forward(block.attn, block.norm1(x), block.window_size)
    x = add_to(y, x)
    mlp = block.mlp
    y = feed_forward(block.norm2(x), mlp.lin1, mlp.act, mlp.lin2)
    return add_to(y, x)


def attention_forward(attn: Attention, x: Tensor, window: int = 0) -> Tensor:
    """Compute multi-head attention inside attention windows or the whole grid.

    Args:
        attn (Attention): An attention layer of ``segment_anything``.
        x (Tensor): Normalised tokens, (B, h, w, C).
        window (int): Side of an attention window in cells; 0: the whole grid.

    Returns:
        Tensor: (B, h, w, C), equal to padding ``x`` to whole windows,
        attending inside each and cutting the padding away.
    """
    height, width = x.shape[1:3]
    qkv = attn.qkv(x).unflatten(-1, (3, attn.num_heads, -1))
    if window == 0:
        out = _attend(attn, qkv, (height, width))
        return attn.proj(out.flatten(-2))
    out = qkv.new_empty(qkv[..., 0, :, :].shape)
    spans = product(_spans(height, window), _spans(width, window))
    for rows, columns in spans:
        area = (slice(None), rows.extent, columns.extent)
        cells = qkv[area].unflatten(1, (rows.number, rows.size))
        cells = cells.unflatten(3, (columns.number, columns.size))
        # (B, windows down, rows, windows across, columns, 3, heads, C / heads)
        cells = cells.transpose(2, 3)
        attended = _attend(attn, cells.flatten(0, 2), (window, window))
        attended = attended.unflatten(0, cells.shape[:3]).transpose(2, 3)
        out[area] = attended.flatten(1, 2).flatten(2, 3)
    return attn.proj(out.flatten(-2))


def _spans(length: int, window: int) -> list[_Span]:
    """Split an axis into its whole windows and the cut one at the end."""
    whole, rest = divmod(length, window)
    spans = [_Span(0, whole, window), _Span(whole * window, 1, rest)]
    return [span for span in spans if span.number and span.size]


def _attend(attn: Attention, qkv: Tensor, size: tuple[int, int]) -> Tensor:
    """Attend inside windows of equally many real cells.

    Args:
        attn (Attention): The layer.
        qkv (Tensor): (N, h, w, 3, heads, C / heads), the real cells, which
            lie in the top left corner of each window.
        size (tuple[int, int]): Rows and columns of a window with its padding.

    Returns:
        Tensor: (N, h, w, heads, C / heads).
    """
    real = (qkv.shape[1], qkv.shape[2])
    # each of them: (N, heads, h * w, C / heads)
    q, k, v = qkv.flatten(1, 2).permute(2, 0, 3, 1, 4)
    rows, columns = _relative_terms(attn, q, real, size)
    padding = None
    if real != size:
        padding = _padding_weight(rows, columns, real).to(q.dtype)
        k, v = _with_padding_cell(attn, k, v)
    terms = _Terms(rows[..., : real[0]], columns[..., : real[1]], padding)
    if by_product(q):
        out = _attend_by_product(q * attn.scale, k, v, terms)
    else:
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=terms.bias(), scale=attn.scale
        )
    return out.transpose(1, 2).unflatten(1, real)


def _attend_by_product(
    q: Tensor, k: Tensor, v: Tensor, terms: _Terms
) -> Tensor:
    """Attend with the terms as further channels of queries and keys.

    A query carries its terms, a key marks its row and its column, and one
    product gives the whole logit: a bias of (h * w)^2 is never made. On a
    CPU in half precision this is the fastest form.
    """
    q = torch.cat([q, *terms.present()], dim=-1)
    k = torch.cat([k, terms.marks(k)], dim=-1)
    return product_attention(q, k, v)


def _relative_terms(
    attn: Attention, q: Tensor, real: tuple[int, int], size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Relative-position terms of each query with each row and column.

    Returns:
        tuple[Tensor, Tensor]: (N, heads, h * w, rows) and
        (N, heads, h * w, columns), padding included.
    """
    if not attn.use_rel_pos:
        rows, columns = (q.new_zeros(*q.shape[:-1], n) for n in size)
        return rows, columns
    to_rows = _embeddings(attn.rel_pos_h, size[0])[: real[0]]
    to_columns = _embeddings(attn.rel_pos_w, size[1])[: real[1]]
    grid = q.unflatten(2, real)
    rows = torch.einsum('nahwc,hkc->nahwk', grid, to_rows.to(q.dtype))
    columns = torch.einsum('nahwc,wkc->nahwk', grid, to_columns.to(q.dtype))
    return rows.flatten(2, 3), columns.flatten(2, 3)


def _embeddings(table: Tensor, size: int) -> Tensor:
    """Embedding of the offset from each cell of an axis to each other.

    Args:
        table (Tensor): One embedding per offset, (L, C); resized linearly
            where L is not 2 * size - 1, as segment-anything does.
        size (int): Cells of the axis.

    Returns:
        Tensor: (size, size, C).
    """
    offsets = 2 * size - 1
    if table.shape[0] != offsets:
        table = F.interpolate(table.T[None], offsets, mode='linear')[0].T
    cells = torch.arange(size, device=table.device)
    return table[cells[:, None] - cells + size - 1]


def _padding_weight(
    rows: Tensor, columns: Tensor, real: tuple[int, int]
) -> Tensor:
    """Logarithm of the summed weight of the padding, without s q.b_k.

    Args:
        rows (Tensor): (..., padded rows), terms of each query.
        columns (Tensor): (..., padded columns).
        real (tuple[int, int]): How many rows and columns are not padding.

    Returns:
        Tensor: (...), in float32 at least.
    """
    dtype = torch.promote_types(rows.dtype, torch.float32)
    rows, columns = rows.to(dtype), columns.to(dtype)
    height, width = real
    parts = []
    if height < rows.shape[-1]:
        below = rows[..., height:].logsumexp(-1)
        parts.append(below + columns.logsumexp(-1))
    if width < columns.shape[-1]:
        right = columns[..., width:].logsumexp(-1)
        parts.append(rows[..., :height].logsumexp(-1) + right)
    return torch.stack(parts).logsumexp(0)


def _with_padding_cell(
    attn: Attention, k: Tensor, v: Tensor
) -> tuple[Tensor, Tensor]:
    """Append the key and value of a padded cell: the projection's biases."""
    shape = (*k.shape[:2], 1, k.shape[-1])
    if attn.qkv.bias is None:
        cell = k.new_zeros(shape)
        return torch.cat([k, cell], dim=2), torch.cat([v, cell], dim=2)
    biases = attn.qkv.bias.to(k.dtype).view(3, 1, attn.num_heads, 1, -1)
    _, key, value = biases.expand(3, *shape)
    return torch.cat([k, key], dim=2), torch.cat([v, value], dim=2)
