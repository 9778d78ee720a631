# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Score a checkpoint on the test data of its config.

Prints IoU of every class, and the means over seen, unseen and all classes
with the harmonic mean; writes them, with the protocol, as JSON.

Examples:
  python tools/test.py CONFIG work_dirs/NAME/iter_10000.pth
  python tools/test.py CONFIG my-model                 # a model folder
  python tools/test.py CONFIG CHECKPOINT --show-dir pictures
  python tools/test.py CONFIG CHECKPOINT --tta         # scaled, flipped views
  python tools/test.py CONFIG CHECKPOINT --out labels  # an image of ids each
  python tools/test.py CONFIG CHECKPOINT --result result.json
  python tools/test.py CONFIG CHECKPOINT --report full # intervals, pictures
  python tools/test.py CONFIG CHECKPOINT --report full --passes wordings
  python tools/test.py configs/training_free/\
sclip_vit-b16_isaid.py        # needs no checkpoint
  bash tools/dist_test.sh CONFIG CHECKPOINT 4        # four processes
"""

import argparse
from pathlib import Path

from aeroseg.command_line import ToolParser, run_tool
from aeroseg.engine.full_report import add_report_arguments, apply_report
from aeroseg.engine.launch import (
    add_arguments,
    check_datasets,
    load_config,
    set_checkpoint,
    set_outputs,
)
from aeroseg.engine.run import build_runner, building
from aeroseg.engine.tta import apply_tta
from aeroseg.models.segmentors import unwrapped


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    add_arguments(parser)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file, or a model folder of tools/pack.py or '
        'tools/export.py; training-free models need none',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='write the predicted ids of every image there, a PNG each',
    )
    parser.add_argument(
        '--result',
        metavar='FILE',
        help='write the scores there; default: <work dir>/<time>/'
        'test_<checkpoint>.json',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='test-time augmentation: mean over the sizes tta_ratios of the '
        'config, each also flipped',
    )
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='write a picture per image there, in vis_data/vis_image: truth, '
        'prediction, errors, legend',
    )
    parser.add_argument(
        '--show-every',
        type=int,
        default=1,
        metavar='N',
        help='with --show-dir, take every N-th image',
    )
    add_report_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Test."""
    args = parse_args()
    if args.show_every < 1:
        raise ValueError(f'--show-every {args.show_every} must be at least 1')
    config = load_config(args)
    set_checkpoint(config, args.checkpoint)
    set_outputs(config, args.out, args.result)
    apply_report(config, args)
    if args.tta:
        apply_tta(config)
    if args.show_dir:
        config.default_hooks.visualization.update(
            draw=True, interval=args.show_every
        )
        config.visualizer.save_dir = str(Path(args.show_dir).resolve())
    check_datasets(config, ['test_dataloader'])
    runner = build_runner(config, verbose=args.verbose)
    with building(config):
        runner.test_loop  # noqa: B018  (mmengine builds it when it is asked)
    if not args.checkpoint:
        unwrapped(runner.model).load_pretrained()
    runner.test()


if __name__ == '__main__':
    run_tool(main)
