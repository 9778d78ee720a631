# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Train a model.

Examples:
  python tools/train.py configs/aeroseg/\
aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py
  python tools/train.py CONFIG --resume             # from the last checkpoint
  python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=2
  python tools/train.py CONFIG --memory 8gb         # on a small GPU
  bash tools/dist_train.sh CONFIG 4                 # four processes
"""

import argparse

from aeroseg.command_line import ToolParser, run_tool
from aeroseg.engine.launch import (
    add_arguments,
    check_datasets,
    load_config,
    needs_training,
    work_dir_of,
)
from aeroseg.engine.memory_preset import apply_memory_preset
from aeroseg.engine.run import (
    build_runner,
    latest_checkpoint,
    train,
    work_dir_lock,
)
from aeroseg.read_config import CONFIGS, read_config

PRESETS = CONFIGS / '_base_/memory'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    add_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from this checkpoint, or from the last one of the work '
        'dir if none is named',
    )
    parser.add_argument('--seed', type=int, help='random seed; default: 0')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: bfloat16 autocast, on a GPU or the CPU',
    )
    parser.add_argument(
        '--memory',
        metavar='NAME',
        help='fit training to a GPU: 8gb, 12gb, 24gb or 80gb (files of '
        'configs/_base_/memory); the effective batch stays the same',
    )
    return parser.parse_args()


def main() -> None:
    """Train."""
    args = parse_args()
    config = load_config(args)
    if not needs_training(config):
        raise ValueError(
            f'{config.model.type} needs no training; score it with '
            f'tools/test.py {args.config}'
        )
    if args.resume:
        config.resume = True
        # Without a checkpoint yet, training starts from the beginning.
        found = args.resume
        if found == 'auto':
            found = latest_checkpoint(config.work_dir)
        config.load_from = None if found is None else str(found)
    if args.seed is not None:
        config.randomness = dict(seed=args.seed)
    if args.memory:
        apply_memory_preset(config, PRESETS / f'{args.memory}.py')
    if args.amp:
        config.optim_wrapper.type = 'AutocastOptimWrapper'
    check_datasets(config, ['train_dataloader', 'val_dataloader'])
    with work_dir_lock(config.work_dir):
        runner = build_runner(
            config, fine_tunes=not args.resume, verbose=args.verbose
        )
        train(runner, config)
    runner.logger.info(f'The run is in {runner.log_dir}')


def kept() -> str:
    """What a stopped training leaves behind."""
    args = parse_args()
    config = read_config(args.config, args.cfg_options)
    last = latest_checkpoint(work_dir_of(args, config))
    return f'The checkpoint {last} is kept.' if last else ''


if __name__ == '__main__':
    run_tool(main, kept, ['--resume'])
