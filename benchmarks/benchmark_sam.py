# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Compare SAMGuidance with segment-anything's or timm's own forward pass.

Same random weights, same image, the two in turns; prints medians, the median
of the ratios of neighbouring runs, the memory that a pass takes and how far
the features are apart. segment-anything runs as it is, timm with all that can
be added from outside: accelerated linear layers and, in half precision, the
weights of its blocks kept so, as in ``SAMGuidance(dtype=...)``.

Examples:
  python benchmarks/benchmark_sam.py
  python benchmarks/benchmark_sam.py --against timm --batch 2
  python benchmarks/benchmark_sam.py --arch vit_b --dtype bfloat16 --threads 2
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import timm
import torch
from measure import Timing, peak_memory, synchronise
from segment_anything.modeling import ImageEncoderViT
from torch import Tensor, nn

from aeroseg.acceleration import accelerated
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.models.guidance.sam import ARCHS, COMMON, SAMGuidance


def segment_anything_encoder(arch: str) -> nn.Module:
    """segment-anything's module."""
    return ImageEncoderViT(
        norm_layer=partial(nn.LayerNorm, eps=1e-6), **COMMON, **ARCHS[arch]
    )


def timm_encoder(arch: str) -> nn.Module:
    """Timm's module."""
    size = {'vit_b': 'base', 'vit_l': 'large', 'vit_h': 'huge'}[arch]
    model = timm.create_model(f'samvit_{size}_patch16', num_classes=0)
    return model.requires_grad_(False).eval()


PLAIN: dict[str, Callable[[str], nn.Module]] = {
    'segment-anything': segment_anything_encoder,
    'timm': timm_encoder,
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--arch', default='vit_l', choices=list(ARCHS))
    parser.add_argument(
        '--against', default='segment-anything', choices=list(PLAIN)
    )
    parser.add_argument('--size', type=int, default=384, help='image side, px')
    parser.add_argument('--batch', type=int, default=1, help='images at once')
    parser.add_argument(
        '--dtype',
        default='float32',
        choices=('float32', 'bfloat16', 'float16'),
        help='precision; the half ones by autocast',
    )
    parser.add_argument('--device', default='cpu', help='as in PyTorch')
    parser.add_argument('--threads', type=int, help='CPU threads')
    parser.add_argument('--repeat', type=int, default=5, help='runs of each')
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='measure the time of the processor, all threads together, which '
        'other programs disturb less',
    )
    return parser.parse_args()


def plain_encoder(
    against: str, ours: SAMGuidance, dtype: torch.dtype | None
) -> nn.Module:
    """The other module on the weights of ours."""
    with torch.device('meta'):
        plain: Any = PLAIN[against](str(ours.arch))
    state = ours.encoder.state_dict()
    if against == 'timm':
        state = {k.replace('mlp.lin', 'mlp.fc'): v for k, v in state.items()}
    plain.load_state_dict(state, assign=True)
    for layer in plain.blocks.modules():
        if dtype is not None and isinstance(layer, nn.Linear):
            layer.to(dtype)
    return plain.requires_grad_(False)


def plain_features(
    plain: Any, ours: SAMGuidance, image: Tensor
) -> list[Tensor]:
    """The same three maps, block by block as the other module has them."""
    x = plain.patch_embed(ours.normalise(image))
    x = x + ours.position(x.shape[1], x.shape[2])
    outputs = []
    for index, block in enumerate(plain.blocks, start=1):
        x = block(x)
        if index in ours.out_blocks:
            outputs.append(x.permute(0, 3, 1, 2))
    return [*outputs[:2], plain.neck(outputs[2])]


def compare(args: argparse.Namespace) -> dict[str, Any]:
    """Run the two in turns."""
    device = torch.device(args.device)
    half = None if args.dtype == 'float32' else args.dtype
    ours = SAMGuidance(args.arch, last='neck').to(device)
    for name, table in ours.named_parameters():
        if 'rel_pos' in name:  # zeros would be no test
            nn.init.normal_(table, std=0.05)
    equipped = args.against == 'timm'
    dtype = getattr(torch, args.dtype) if equipped and half else None
    plain = plain_encoder(args.against, ours, dtype)
    if half is not None:
        kept = ours.state_dict()
        ours = SAMGuidance(args.arch, last='neck', dtype=half).to(device)
        ours.load_state_dict(kept)
    shape = (args.batch, 3, args.size, args.size)
    image = torch.rand(shape, device=device) * 255

    def run_plain() -> list[Tensor]:
        with accelerated(equipped):
            return plain_features(plain, ours, image)

    def run_ours() -> Sequence[Tensor]:
        with accelerated():
            return ours(image)

    runs = {args.against: run_plain, 'SAMGuidance': run_ours}
    clock = time.process_time if args.cpu_time else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    outputs: dict[str, Sequence[Tensor]] = {}
    for turn in range(args.repeat + 1):
        for name, run in runs.items():
            synchronise(device)
            start = clock()
            outputs[name] = run()
            synchronise(device)
            if turn:
                seconds[name].append(clock() - start)
    a, b = outputs.values()
    errors = [
        ((x - y).norm() / x.norm()).item() for x, y in zip(a, b, strict=True)
    ]
    pairs = zip(*seconds.values(), strict=True)
    return {
        'timings': {name: Timing.of(times) for name, times in seconds.items()},
        'ratio': statistics.median(mine / other for other, mine in pairs),
        'peaks': {n: peak_memory(run, device) for n, run in runs.items()},
        'error': max(errors),
    }


def main() -> None:
    """Compare and print."""
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    autocast: Any = nullcontext()
    if args.dtype != 'float32':
        dtype = getattr(torch, args.dtype)
        autocast = torch.autocast(args.device, dtype)
    with torch.no_grad(), autocast:
        result = compare(args)
    for name, timing in result['timings'].items():
        peak = result['peaks'][name]
        memory = f', peak {peak / 2**30:.2f} GiB' if peak else ''
        print(
            f'{name:16} {timing.median:.3f} s '
            f'({timing.low:.3f} to {timing.high:.3f}){memory}'
        )
    print(f'ratio {result["ratio"]:.3f}, relative error {result["error"]:.1e}')


if __name__ == '__main__':
    run_tool(main)
