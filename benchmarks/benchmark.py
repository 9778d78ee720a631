# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Measure a config: parameters, arithmetic, time, memory.

The model is built with random weights; nothing is downloaded. With
--published, CAT-Seg or OVRS as published (published/) is measured as well, in
float32, in the same run on the same machine, and ratios are printed. Every
case runs in its own process.

Examples:
  python benchmarks/benchmark.py CONFIG --classes 1,15,150,1000
  python benchmarks/benchmark.py CONFIG --dtype bfloat16 --published
  python benchmarks/benchmark.py CONFIG --classes 9 --train --published
  python benchmarks/benchmark.py CONFIG --device cuda --batch 32 --compile
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch
from benchmark_case import STAGES, Load, ModelCase
from measure import matmul_rate
from torch import nn

import aeroseg  # noqa: F401  (registers the parts)
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.engine.launch import add_config_arguments
from aeroseg.files import atomic_path
from aeroseg.read_config import read_config

SHARED = (
    'batch',
    'size',
    'dtype',
    'device',
    'train',
    'compile',
    'accelerate',
    'channels_last',
    'repeat',
    'cpu_time',
)
PARAMETERS = ('parameters_m', 'trainable_m')
BEHIND_CLIP = ('refinement', 'decoder')
RATIOS = {
    'seconds_ratio': 'seconds_per_image',
    'behind_clip_ratio': 'behind_clip_seconds',
    'text_ratio': 'text_seconds',
    'peak_ratio': 'peak_gib',
}
COLUMNS = {
    'system': 'system',
    'classes': 'classes',
    'seconds_per_image': 's / image',
    'spread': 'spread',
    'images_per_second': 'images / s',
    'peak_gib': 'peak GiB',
    'gflop_per_image': 'GFLOP / image',
    'share_of_matmul': 'of matmul rate',
    'text_seconds': 'text s',
    **{f'{stage}_seconds': f'{stage} s' for stage in STAGES},
    'behind_clip_seconds': 'refinement + decoder s',
    'seconds_ratio': 'time / published',
    'behind_clip_ratio': 'refinement + decoder / published',
    'text_ratio': 'text / published',
    'peak_ratio': 'memory / published',
    'error': 'error against float32',
    'text_difference': 'text difference',
    'logits_difference': 'logits difference',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    add_config_arguments(parser)
    parser.add_argument('--classes', default='15', help='numbers of classes')
    parser.add_argument('--batch', type=int, default=1, help='images at once')
    parser.add_argument('--size', type=int, default=384, help='image side, px')
    parser.add_argument(
        '--dtype',
        default='float32',
        choices=('float32', 'bfloat16', 'float16'),
        help='precision; the half ones by autocast',
    )
    parser.add_argument('--device', default='cpu', help='as in PyTorch')
    parser.add_argument('--threads', type=int, help='CPU threads')
    parser.add_argument(
        '--repeat', type=int, default=5, help='runs that count'
    )
    parser.add_argument(
        '--no-accelerate',
        dest='accelerate',
        action='store_false',
        help='linear layers on a CPU as PyTorch computes them',
    )
    parser.add_argument('--compile', action='store_true', help='torch.compile')
    parser.add_argument(
        '--channels-last',
        action='store_true',
        help='images and weights of convolutions with their channels last',
    )
    parser.add_argument(
        '--train', action='store_true', help='measure training steps'
    )
    parser.add_argument(
        '--published', action='store_true', help='and the published network'
    )
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='measure the time of the processor, all threads together, which '
        'other programs disturb less',
    )
    parser.add_argument('--out', metavar='FILE', help='write JSON there')
    return parser.parse_args()


def measure(
    args: argparse.Namespace, classes: int, system: str
) -> dict[str, Any]:
    """Measure one case, in its own process for the sake of its peak memory."""
    if args.threads:
        torch.set_num_threads(args.threads)
    config = read_config(args.config, args.cfg_options)
    load = Load(classes, **{key: getattr(args, key) for key in SHARED})
    if system == 'published':
        from published.case import PublishedCase

        plain = PublishedCase(load, config)
        row = plain.measure(args.rate)
        comparable = config.model.guidance_encoder.type == 'CLIPGuidance'
        if comparable and not load.train:
            row |= plain.agreement(config)
        return {'system': system, **row}
    case = ModelCase(load, config)
    row = {'system': system, **_parameters(case.model)}
    row |= case.measure(args.rate)
    if load != load.plain and not load.train:
        row['error'] = case.error()
    return row


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure every case that the command line names, one after the other."""
    if args.threads:
        torch.set_num_threads(args.threads)
    clock = Load(1, cpu_time=args.cpu_time).clock
    args.rate = matmul_rate(
        torch.device(args.device), getattr(torch, args.dtype), clock=clock
    )
    report: dict[str, Any] = {
        'config': args.config,
        'command': ' '.join(sys.argv),
        'torch': torch.__version__,
        'device': args.device,
        'threads': torch.get_num_threads(),
        'dtype': args.dtype,
        'batch': args.batch,
        'size': args.size,
        'train': args.train,
        'clock': 'processor' if args.cpu_time else 'wall',
        'matmul_gflops': args.rate / 1e9,
        'rows': [],
    }
    systems = ['ours', 'published'] if args.published else ['ours']
    fresh = multiprocessing.get_context('spawn')
    for classes in map(int, args.classes.split(',')):
        rows = []
        for system in systems:
            with ProcessPoolExecutor(1, mp_context=fresh) as pool:
                task = pool.submit(measure, args, classes, system)
                rows.append(task.result())
        report |= {key: rows[0].pop(key) for key in PARAMETERS}
        if args.published:
            rows[0] |= _ratios(*rows)
        report['rows'] += rows
    return report


def _ratios(ours: dict[str, Any], plain: dict[str, Any]) -> dict[str, float]:
    """Ours over published, of each figure that both have."""
    for row in (ours, plain):
        parts = [row.get(f'{name}_seconds') for name in BEHIND_CLIP]
        if None not in parts:
            row['behind_clip_seconds'] = sum(parts)
    return {
        ratio: ours[key] / plain[key]
        for ratio, key in RATIOS.items()
        if ours.get(key) and plain.get(key)
    }


def _parameters(model: nn.Module) -> dict[str, float]:
    """Millions of parameters, all and those that are trained."""
    counts = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return {
        'parameters_m': sum(n for n, _ in counts) / 1e6,
        'trainable_m': sum(n for n, trained in counts if trained) / 1e6,
    }


def markdown(report: dict[str, Any]) -> str:
    """The report as a Markdown table with a line above it."""
    rows = report['rows']
    keys = [key for key in COLUMNS if any(row.get(key) for row in rows)]
    lines = [
        f'{report["config"]}: {report["parameters_m"]:.1f} M parameters, '
        f'{report["trainable_m"]:.1f} M trained; {report["dtype"]}, batch '
        f'{report["batch"]}, {report["size"]} px, '
        f'{"training step" if report["train"] else "inference"} on '
        f'{report["device"]} ({report["threads"]} CPU threads, '
        f'{report["clock"]} time), matrix product '
        f'{report["matmul_gflops"]:.0f} GFLOP/s, '
        f'torch {report["torch"]}',
        '',
        '| ' + ' | '.join(COLUMNS[key] for key in keys) + ' |',
        '|---' * len(keys) + '|',
    ]
    for row in rows:
        cells = [_cell(row.get(key)) for key in keys]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def _cell(value: Any) -> str:
    """A figure with three digits that count."""
    if value is None:
        return ''
    return f'{value:.3g}' if isinstance(value, float) else str(value)


def main() -> None:
    """Measure and print."""
    args = parse_args()
    read_config(args.config, args.cfg_options)
    report = run(args)
    print(markdown(report))
    if args.out:
        with atomic_path(args.out) as part:
            part.write_text(json.dumps(report, indent=2))


if __name__ == '__main__':
    run_tool(main)
