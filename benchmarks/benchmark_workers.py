# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How much sooner several workers map one scene.

Makes a scene that is one window wide, and a checkpoint with random weights,
and runs predict.py with each number of workers. Prints the seconds of the
whole command, the start of Python and of the models included. The maps must
have the same bytes.

Examples:
  python benchmarks/benchmark_workers.py CONFIG
  python benchmarks/benchmark_workers.py CONFIG --windows 160 --workers 1,2,4
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin

from aeroseg.apis.predictor import Predictor
from aeroseg.command_line import ToolParser, integer, run_tool

_PREDICT = Path(__file__).resolve().parents[1] / 'tools' / 'predict.py'
_PATCH = 16  # pixels of one colour, so that the windows differ


def counts(text: str) -> list[int]:
    """Numbers of workers such as '1,2'."""
    return [integer(1)(part) for part in text.split(',')]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--windows', type=integer(2), default=480, help='of the scene'
    )
    parser.add_argument('--workers', type=counts, default=[1, 2])
    parser.add_argument('--threads', type=integer(1), default=1, help='each')
    parser.add_argument(
        '--classes', default='building; road; water; tree; grass'
    )
    return parser.parse_args()


def main() -> int:
    """Measure."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(args, folder)
        print('workers  seconds  ratio', flush=True)
        first = 0.0
        for workers in args.workers:
            seconds = run(args, folder, workers)
            first = first or seconds
            print(
                f'{workers:7d} {seconds:8.1f} {first / seconds:6.2f}',
                flush=True,
            )
        maps = {
            (folder / str(workers) / 'labels.tif').read_bytes()
            for workers in args.workers
        }
        print('same bytes' if len(maps) == 1 else 'the maps differ')
        return 0 if len(maps) == 1 else 1


def make_files(args: argparse.Namespace, folder: Path) -> None:
    """Write the scene and the checkpoint."""
    torch.manual_seed(0)
    predictor = Predictor(args.config)
    state = {'state_dict': predictor.model.state_dict()}
    torch.save(state, folder / 'random.pth')
    tiling = predictor.tiling
    rows = tiling.window + (args.windows - 1) * (tiling.window - tiling.shared)
    height, width = (
        max(1, int(side / predictor.scale)) for side in (rows, tiling.window)
    )
    shape = 3, -(-height // _PATCH), -(-width // _PATCH)
    small = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = np.kron(small, np.ones((1, _PATCH, _PATCH), np.uint8))
    profile = {'height': height, 'width': width, 'count': 3, 'dtype': 'uint8'}
    profile |= {'crs': 'EPSG:25832', 'transform': from_origin(0, 0, 0.3, 0.3)}
    path = folder / 'scene.tif'
    with rasterio.open(path, 'w', driver='GTiff', **profile) as data:
        data.write(image[:, :height, :width])


def run(args: argparse.Namespace, folder: Path, workers: int) -> float:
    """Seconds of a command.

    Raises:
        ValueError: If it failed; with what it said.
    """
    command = [sys.executable, _PREDICT, folder / 'scene.tif']
    command += ['--config', args.config, '--classes', args.classes]
    command += ['--checkpoint', folder / 'random.pth', '--batch', 1]
    command += ['--workers', workers, '--out', folder / str(workers)]
    threads = {'OMP_NUM_THREADS': str(args.threads)}
    started = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        env=os.environ | threads,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    if done.returncode:
        raise ValueError(f'predict.py failed: {done.stderr.strip()[-500:]}')
    return time.perf_counter() - started


if __name__ == '__main__':
    run_tool(main)
