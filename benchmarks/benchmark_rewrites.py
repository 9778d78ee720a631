# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What each exact rewrite saves: the plain form next to ours.

Same random weights and inputs; prints medians, their ratio and the largest
difference of the results, relative to the largest value.

Examples:
  python benchmarks/benchmark_rewrites.py
  python benchmarks/benchmark_rewrites.py --only sam --threads 1 --cpu-time
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from measure import peak_memory, time_runs
from open_clip.transformer import QuickGELU
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn

from aeroseg.acceleration import accelerated
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.models import (
    CorrelationNeck,
    OpenCLIPTextEncoder,
    RotatedCLIP,
)
from aeroseg.models.guidance.sam_attention import block_forward
from aeroseg.models.layers.attention import attend, product_attention
from aeroseg.models.layers.class_attention import ClassRefinement
from aeroseg.models.layers.clip_towers import run_block
from aeroseg.models.layers.feed_forward import feed_forward
from aeroseg.models.layers.upsample import UpsampleStage
from published.aggregator import Up

CPU = torch.device('cpu')
CLASSES, GRID, DIM = 15, 24, 128


class Rewrite(NamedTuple):
    """A plain form and ours, both ready to run."""

    name: str
    plain: Callable[[], Tensor]
    ours: Callable[[], Tensor]


def linear_layer() -> Rewrite:
    """A float32 layer of CLIP for four views."""
    x, layer = torch.randn(4 * 577, 768), nn.Linear(768, 3072)

    def by_onednn() -> Tensor:
        with accelerated():
            return layer(x)

    return Rewrite('linear layer by oneDNN', lambda: layer(x), by_onednn)


def perceptron() -> Rewrite:
    """CLIP's perceptron with QuickGELU; both by oneDNN."""
    layers = nn.Sequential(
        nn.Linear(768, 3072), QuickGELU(), nn.Linear(3072, 768)
    )
    x = torch.randn(4 * 577, 768)
    return Rewrite(
        'QuickGELU as swish in other units',
        lambda: layers(x),
        lambda: feed_forward(x, *layers),
    )


def half_attention() -> Rewrite:
    """CLIP's attention in bfloat16."""
    q, k, v = (torch.randn(4, 12, 577, 64).bfloat16() for _ in range(3))
    return Rewrite(
        'attention in bfloat16 by products',
        lambda: F.scaled_dot_product_attention(q, k, v),
        lambda: attend(q, k, v),
    )


def fused_attention() -> Rewrite:
    """CLIP's attention in float32, with and without all its weights."""
    q, k, v = (torch.randn(4, 12, 577, 64) for _ in range(3))
    return Rewrite(
        'scaled_dot_product_attention',
        lambda: product_attention(q / 8, k, v),
        lambda: attend(q, k, v),
    )


def compiled_block() -> Rewrite:
    """A compiled block of CLIP for four views, by MKL and by oneDNN."""
    block = RotatedCLIP().visual.transformer.resblocks[0].eval()
    x = torch.randn(4, 577, 768)
    by_mkl, by_onednn = (
        torch.compile(partial(run_block, block)) for _ in '12'
    )

    def accelerated_block() -> Tensor:
        with accelerated():
            return by_onednn(x)

    return Rewrite(
        'a compiled block of CLIP', lambda: by_mkl(x), accelerated_block
    )


def last_block() -> Rewrite:
    """The projections of CLIP's last block, where only v is used."""
    x = torch.randn(4, 577, 768)
    weight, bias = torch.randn(3 * 768, 768), torch.randn(3 * 768)
    return Rewrite(
        'only values in the last block',
        lambda: F.linear(x, weight, bias)[..., -768:],
        lambda: F.linear(x, weight[-768:], bias[-768:]),
    )


def views_in_one_batch() -> Rewrite:
    """Four rotations through two blocks of CLIP's tower."""
    tower = RotatedCLIP().eval()
    del tower.visual.transformer.resblocks[1:-1]
    image = torch.rand(1, 3, 384, 384) * 255
    rotations = tower.rotations

    def one_by_one() -> Tensor:
        views = []
        for rotation in rotations:
            tower.rotations = (rotation,)
            views.append(tower(image).dense)
        tower.rotations = rotations
        return torch.cat(views, dim=1)

    return Rewrite(
        'all rotations in one batch', one_by_one, lambda: tower(image).dense
    )


def text() -> Rewrite:
    """60 prompts through the text tower."""
    encoder = OpenCLIPTextEncoder(templates='aeroseg').eval()
    names = [f'class {n}' for n in range(60 // encoder.num_prompts)]
    tokens = encoder.tokenizer(encoder.sentences(names))
    tower = encoder.text

    def whole() -> Tensor:
        x = tower.token_embedding(tokens) + tower.positional_embedding
        for block in tower.transformer.resblocks:
            x = run_block(block, x, is_causal=True)
        ends = tokens.argmax(dim=1)
        x = tower.ln_final(x)[torch.arange(len(x)), ends]
        return x @ tower.text_projection

    return Rewrite(
        'text cut at the longest prompt (60 prompts)',
        whole,
        lambda: encoder._encode_tokens(tokens),
    )


def padded_classes() -> Rewrite:
    """Class refinement over 256 slots: 241 tokens, or one with a weight."""
    ours = ClassRefinement(DIM, DIM, 4, 1, 1, num_slots=256).eval()
    plain = ClassRefinement(DIM, DIM, 4, 1, 1, num_slots=0).eval()
    plain.load_state_dict(ours.state_dict(), strict=False)
    x = torch.randn(1, CLASSES, GRID, GRID, DIM)
    words = torch.randn(CLASSES, DIM)
    empty = 256 - CLASSES

    def padded() -> Tensor:
        more = ours.padding_token.expand(1, empty, GRID, GRID, -1)
        tokens = torch.cat([x, more], dim=1)
        slots = ours.padding_guidance.expand(empty, -1)
        return plain(tokens, torch.cat([words, slots]))[:, :CLASSES]

    return Rewrite(
        'one padded class token with a weight', padded, lambda: ours(x, words)
    )


def guidance_projection(by_image: bool) -> Rewrite:
    """Queries and keys of [x ; guidance]: of the image, or of the text.

    The image's guidance is the same for all classes, the text's for all
    cells.
    """
    x = torch.randn(CLASSES, GRID * GRID, DIM)
    shape = (1, GRID * GRID, DIM) if by_image else (CLASSES, 1, DIM)
    guidance = torch.randn(shape)
    layer = nn.Linear(2 * DIM, 2 * DIM)

    def plain() -> Tensor:
        both = torch.cat([x, guidance.expand_as(x)], -1)
        return F.linear(both, layer.weight, layer.bias)

    def ours() -> Tensor:
        of_x = F.linear(x, layer.weight[:, :DIM])
        return of_x.add_(F.linear(guidance, layer.weight[:, DIM:], layer.bias))

    once, every = ('image', 'class') if by_image else ('text', 'cell')
    return Rewrite(
        f'guidance of the {once} projected once, not for every {every}',
        plain,
        ours,
    )


def decoder() -> Rewrite:
    """The decoder's second stage, against the published one."""
    plain = Up(64, 32, 16, attention=True)
    ours = UpsampleStage(64, 32, 16, attention=True)
    ours.load_state_dict(
        dict(zip(_ordered(ours), plain.state_dict().values(), strict=True))
    )
    x = torch.randn(1, CLASSES, 64, 2 * GRID, 2 * GRID)
    guidance = torch.randn(1, 16, 4 * GRID, 4 * GRID)
    return Rewrite(
        'composed upsampling convolution',
        lambda: plain(x.flatten(0, 1), guidance),
        lambda: ours(x, ours.prepare(x.mean(1), guidance)).flatten(0, 1),
    )


def _ordered(stage: UpsampleStage) -> list[str]:
    """Names of ours in the order of the published ones."""
    modules = ('up', 'conv1', 'norm1', 'conv2', 'norm2')
    names = list(stage.state_dict())
    published = [n for m in modules for n in names if n.startswith(f'{m}.')]
    return published + [n for n in names if n.startswith('attention.')]


def sam_block(window: int) -> Rewrite:
    """A block of SAM ViT-L at 384 px; both by the same linear layers."""
    size = (window, window) if window else (GRID, GRID)
    block = Block(
        1024, 16, use_rel_pos=True, window_size=window, input_size=size
    )
    for table in (block.attn.rel_pos_h, block.attn.rel_pos_w):
        nn.init.normal_(table, std=0.05)
    x = torch.randn(1, GRID, GRID, 1024)
    kind = 'windowed' if window else 'global'
    return Rewrite(
        f'a {kind} block of SAM-L',
        lambda: block(x),
        lambda: block_forward(block, x),
    )


REWRITES: dict[str, Callable[[], Rewrite]] = {
    'linear': linear_layer,
    'compile': compiled_block,
    'perceptron': perceptron,
    'attention': fused_attention,
    'half_attention': half_attention,
    'views': views_in_one_batch,
    'last_block': last_block,
    'text': text,
    'padded_classes': padded_classes,
    'guidance': lambda: guidance_projection(by_image=True),
    'text_guidance': lambda: guidance_projection(by_image=False),
    'decoder': decoder,
    'sam_window': lambda: sam_block(14),
    'sam_global': lambda: sam_block(0),
}


def chunks(clock: Callable[[], float]) -> Iterator[str]:
    """Time and memory of 300 classes at once and in chunks."""
    neck = CorrelationNeck(4, 512, 512).eval()
    dense, words = torch.randn(1, 4, 512, GRID, GRID), torch.randn(300, 1, 512)
    guidance = torch.randn(1, 512, GRID, GRID)
    for chunk in (300, 32, 16, 8):
        neck.class_chunk = chunk
        seconds = time_runs(
            lambda: neck(dense, words, guidance), CPU, 2, 1, clock
        ).median
        peak = peak_memory(lambda: neck(dense, words, guidance), CPU)
        memory = f'{peak / 2**30:.2f}' if peak else ''
        yield f'| {chunk} | {seconds:.2f} | {memory} |'


@contextmanager
def settings(args: argparse.Namespace) -> Iterator[None]:
    """Threads, a fixed seed and no gradients."""
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    with torch.no_grad():
        yield


def main() -> None:
    """Measure and print."""
    parser = ToolParser(__doc__)
    parser.add_argument('--only', nargs='+', choices=[*REWRITES, 'chunks'])
    parser.add_argument('--threads', type=int, help='CPU threads')
    parser.add_argument('--repeat', type=int, default=10, help='runs of each')
    parser.add_argument(
        '--cpu-time', action='store_true', help="the processor's time"
    )
    args = parser.parse_args()
    clock = time.process_time if args.cpu_time else time.perf_counter
    only = args.only or [*REWRITES, 'chunks']
    print('| rewrite | plain ms | ours ms | ratio | difference |')
    print('|---|---|---|---|---|')
    with settings(args):
        for name in only:
            if name in REWRITES:
                # Elsewhere, both forms use the same linear layers.
                with accelerated(name not in ('linear', 'compile')):
                    row = _row(REWRITES[name](), args.repeat, clock)
                print(row, flush=True)
        if 'chunks' in only:
            print(
                '\n| classes at once, of 300 | s | peak GiB |\n|---|---|---|'
            )
            with accelerated():
                for line in chunks(clock):
                    print(line, flush=True)


def _row(rewrite: Rewrite, repeat: int, clock: Callable[[], float]) -> str:
    plain, ours = (
        time_runs(run, CPU, repeat, 2, clock).median
        for run in (rewrite.plain, rewrite.ours)
    )
    expected, actual = rewrite.plain().float(), rewrite.ours().float()
    error = ((actual - expected).abs().max() / expected.abs().max()).item()
    return (
        f'| {rewrite.name} | {1e3 * plain:.1f} | {1e3 * ours:.1f} | '
        f'{ours / plain:.2f} | {error:.0e} |'
    )


if __name__ == '__main__':
    run_tool(main)
