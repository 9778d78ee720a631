# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Compare an exported image part with the model it was made of.

The model has random weights. Prints, for ONNX in float32 and int8 and, where
it is installed, OpenVINO from the same file: its size, seconds per pass,
the ratio to PyTorch's, and how far the logits are apart, absolutely and
against their spread.

Examples:
  python benchmarks/benchmark_export.py CONFIG
  python benchmarks/benchmark_export.py CONFIG --classes 2,15,150 --batch 1,3
  python benchmarks/benchmark_export.py CONFIG --engines onnx int8 openvino
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import Clock, time_runs
from torch import Tensor

from aeroseg.apis.load_model import build_model
from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.export import (
    ImagePart,
    export_image_part,
    quantise,
    write_onnx,
)
from aeroseg.models.segmentors.exported import load_onnxruntime
from aeroseg.read_config import read_config

Run = Callable[[Tensor, Tensor], np.ndarray]


def numbers(text: str) -> list[int]:
    """Numbers separated by commas."""
    return [int(number) for number in text.split(',')]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--side', type=integer(1), default=384, help='px')
    parser.add_argument('--classes', type=numbers, default=[15])
    parser.add_argument('--batch', type=numbers, default=[1])
    parser.add_argument('--threads', type=integer(1), default=1)
    parser.add_argument('--repeat', type=integer(1), default=3)
    parser.add_argument(
        '--engines',
        nargs='+',
        choices=('onnx', 'int8', 'openvino'),
        default=['onnx', 'int8'],
    )
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='measure the time of the processor, all threads together, which '
        'other programs disturb less',
    )
    return parser.parse_args()


def onnx_run(path: Path, threads: int) -> Run:
    """Run an ONNX file by onnxruntime."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(path), options, providers=['CPUExecutionProvider']
    )

    def run(images: Tensor, text: Tensor) -> np.ndarray:
        inputs = {'images': images.numpy(), 'text': text.numpy()}
        return session.run(None, inputs)[0]

    return run


def openvino_run(path: Path, threads: int) -> Run:
    """Run an ONNX file by OpenVINO."""
    import openvino

    core = openvino.Core()
    settings = {
        'INFERENCE_NUM_THREADS': threads,
        'INFERENCE_PRECISION_HINT': 'f32',
    }
    compiled = core.compile_model(core.read_model(path), 'CPU', settings)

    def run(images: Tensor, text: Tensor) -> np.ndarray:
        return compiled([images.numpy(), text.numpy()])[0]

    return run


def engines(model: Any, args: argparse.Namespace, folder: Path) -> dict:
    """Name -> size of the file in MiB and how to run it."""
    started = time.perf_counter()
    program = export_image_part(model, args.side)
    exported = time.perf_counter()
    plain = folder / 'plain.onnx'
    write_onnx(program, plain)
    written = time.perf_counter()
    print(
        f'torch.export {exported - started:.0f} s, ONNX '
        f'{written - exported:.0f} s',
        flush=True,
    )
    found: dict[str, tuple[float, Run]] = {}
    for name in args.engines:
        path = plain
        if name == 'int8':
            path = folder / 'int8.onnx'
            quantise(plain, path)
        start = openvino_run if name == 'openvino' else onnx_run
        size = path.stat().st_size / 2**20
        found[name] = (size, start(path, args.threads))
    return found


def compare(
    part: ImagePart,
    engine: Run,
    batch: int,
    classes: int,
    args: argparse.Namespace,
    prompts: tuple[int, int],
) -> str:
    """One line: times and differences."""
    images = 255 * torch.rand(batch, 3, args.side, args.side)
    text = torch.nn.functional.normalize(torch.randn(classes, *prompts), dim=2)
    clock: Clock = time.process_time if args.cpu_time else time.perf_counter
    timed = partial(
        time_runs,
        device=torch.device('cpu'),
        repeat=args.repeat,
        clock=clock,
    )
    with torch.no_grad():
        expected = part(images, text).numpy()
        torch_time = timed(lambda: part(images, text)).median
    found = engine(images, text)
    seconds = timed(lambda: engine(images, text)).median
    apart = float(np.abs(found - expected).max())
    spread = float(expected.std())
    return (
        f'{batch:5d} {classes:7d} {torch_time:9.2f} {seconds:9.2f} '
        f'{seconds / torch_time:6.2f} {apart:10.1e} {apart / spread:10.1e}'
    )


def main() -> None:
    """Measure."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model: Any = build_model(read_config(args.config))
    text = model.text_encoder
    part = ImagePart(model).eval()
    with tempfile.TemporaryDirectory() as folder:
        for name, (size, run) in engines(model, args, Path(folder)).items():
            print(f'{name}: {size:.0f} MiB', flush=True)
            print(
                'batch classes   torch s  engine s  ratio   difference '
                ' / spread'
            )
            for batch in args.batch:
                for classes in args.classes:
                    line = compare(
                        part,
                        run,
                        batch,
                        classes,
                        args,
                        (text.num_prompts, text.embed_dims),
                    )
                    print(line, flush=True)


if __name__ == '__main__':
    run_tool(main)
