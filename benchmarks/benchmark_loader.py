# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Measure how many training samples a second the data pipeline makes.

The training dataloader of a config is run without a model. The number to
compare with is the images a second of a training step
(benchmarks/benchmark.py --train).

Examples:
  python benchmarks/benchmark_loader.py CONFIG --workers 0,1,2
  python benchmarks/benchmark_loader.py CONFIG --cfg-options \
train_dataloader.dataset.data_root=data/isaid
"""

import argparse
import itertools
import time

from mmengine.config import Config
from mmengine.runner import Runner

import aeroseg  # noqa: F401  (registers the parts)
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.engine.launch import add_config_arguments
from aeroseg.read_config import read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        '--workers', default='0,2', help='numbers of worker processes'
    )
    parser.add_argument(
        '--samples', type=int, default=200, help='samples that count'
    )
    return parser.parse_args()


def samples_per_second(config: Config, workers: int, samples: int) -> float:
    """Rate of a dataloader, its start not counted.

    Args:
        config (Config): The whole config.
        workers (int): Worker processes; 0: none besides this one.
        samples (int): Samples that count.
    """
    loader = dict(config.train_dataloader, num_workers=workers)
    loader['persistent_workers'] = workers > 0
    batches = iter(Runner.build_dataloader(loader, seed=0))
    size = loader['batch_size']
    # What the workers made ahead must not count as made in no time.
    ahead = 1 + 2 * workers
    for _ in itertools.islice(batches, ahead):
        pass
    count = max(1, samples // size) + ahead
    start = time.perf_counter()
    for _ in itertools.islice(batches, count):
        pass
    return count * size / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    args = parse_args()
    config = read_config(args.config, args.cfg_options)
    print('| workers | samples / s |\n|---|---|')
    for workers in map(int, args.workers.split(',')):
        rate = samples_per_second(config, workers, args.samples)
        print(f'| {workers} | {rate:.1f} |', flush=True)


if __name__ == '__main__':
    run_tool(main)
