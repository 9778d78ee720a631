# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Measure a config: parameters, arithmetic, time, memory.

The model is built with random weights; nothing is downloaded. With
--published, CAT-Seg or OVRS as published (tests/oracles) is measured as well,
float32, in the same run on the same machine, and ratios are printed.

Examples:
  python tools/benchmark.py CONFIG --classes 1,15,150,1000
  python tools/benchmark.py CONFIG --classes 15 --dtype bfloat16 --published
  python tools/benchmark.py CONFIG --classes 9 --train --published
  python tools/benchmark.py CONFIG --device cuda --batch 32 --compile
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tests'))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'projects'))

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from torch import Tensor, nn

import aeroseg  # noqa: F401  (registers the parts)
from aeroseg.engine.benchmark_case import STAGES, Case, Load, ModelCase
from aeroseg.engine.measure import matmul_rate
from aeroseg.files import atomic_path

SHARED = (
    'batch',
    'size',
    'dtype',
    'device',
    'train',
    'compile',
    'repeat',
    'cpu_time',
)
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
    'seconds_ratio': 'time / published',
    'peak_ratio': 'memory / published',
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config file')
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
    parser.add_argument('--compile', action='store_true', help='torch.compile')
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
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='replace values of the config',
    )
    return parser.parse_args()


class PublishedCase(Case):
    """CAT-Seg or OVRS with ViT-B/16 as published."""

    def __init__(self, load: Load, rotations: int) -> None:
        from oracles.published import PublishedNetwork

        super().__init__(replace(load, dtype='float32', compile=False))
        pooling = 2 if load.train else 1
        self.network = PublishedNetwork(rotations, pooling=pooling)
        self.network.train_like_published()
        self.network.to(self.device)
        self.tokens = torch.randint(1, 49000, (load.classes, 77))
        self.tokens = self.tokens.to(self.device)
        with torch.no_grad():
            self.words = self.text()

    @property
    def model(self) -> nn.Module:
        """The network."""
        return self.network

    def predict(self) -> Tensor:
        """Logits at a quarter of the size, enlarged."""
        logits = self.network(self.images / 255, self.words)
        return nn.functional.interpolate(logits, self.images.shape[-2:])

    def loss(self) -> Tensor:
        """Binary cross-entropy, the text in the graph."""
        logits = self.network(self.images / 255, self.text())
        size = self.labels.shape[-2:]
        logits = nn.functional.interpolate(logits, size, mode='bilinear')
        target = nn.functional.one_hot(self.labels, self.load.classes)
        return nn.functional.binary_cross_entropy_with_logits(
            logits, target.permute(0, 3, 1, 2).float()
        )

    def text(self) -> Tensor:
        """One prompt of 77 tokens for each class."""
        return self.network.encode_text(self.tokens, prompts=1)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure every case that the command line names."""
    if args.threads:
        torch.set_num_threads(args.threads)
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options or {})
    init_default_scope('mmseg')
    device = torch.device(args.device)
    clock = Load(1, cpu_time=args.cpu_time).clock
    rate = matmul_rate(device, getattr(torch, args.dtype), clock=clock)
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
        'matmul_gflops': rate / 1e9,
        'rows': [],
    }
    rotations = len(config.model.backbone.get('rotations', (0,)))
    for classes in map(int, args.classes.split(',')):
        load = Load(classes, **{key: getattr(args, key) for key in SHARED})
        case = ModelCase(load, config)
        for key, parameters in _parameters(case.model).items():
            report[key] = parameters
        ours = {'system': 'ours', **case.measure(rate)}
        report['rows'].append(ours)
        del case
        if args.published:
            plain = PublishedCase(load, rotations).measure(rate)
            report['rows'].append({'system': 'published', **plain})
            for name in ('seconds', 'peak'):
                key = 'seconds_per_image' if name == 'seconds' else 'peak_gib'
                if ours[key] and plain[key]:
                    ours[f'{name}_ratio'] = ours[key] / plain[key]
    return report


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
    if not Path(args.config).is_file():
        sys.exit(f'error: there is no config {args.config}')
    report = run(args)
    print(markdown(report))
    if args.out:
        with atomic_path(args.out) as part:
            part.write_text(json.dumps(report, indent=2))


if __name__ == '__main__':
    main()
