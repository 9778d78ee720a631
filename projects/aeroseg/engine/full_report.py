# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The flags of the full report of a test."""

import argparse
from pathlib import Path

from mmengine.config import Config

from aeroseg.command_line import integer

_PASSES = ('wordings', 'distractors', 'background')
_WIDTH = 3  # pixels


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--report` and what belongs to it."""
    parser.add_argument(
        '--report',
        choices=('short', 'full'),
        default='short',
        help='full: also 95 %% intervals, boundary IoU, calibration and '
        'average precision, with pictures, in the folder report_<checkpoint> '
        'next to the scores; default: short',
    )
    parser.add_argument(
        '--passes',
        nargs='+',
        choices=_PASSES,
        default=[],
        help='with --report full, test again with other words: every class '
        'under at least five wordings; with 10 and 100 words for what is not '
        'there; or with each class left out in turn (background)',
    )
    parser.add_argument(
        '--pass-images',
        type=integer(1),
        metavar='N',
        help='with --passes, use only the first N images; default: all',
    )
    parser.add_argument(
        '--wordings',
        metavar='FILE',
        help='with --passes wordings, a text file with a line per class: '
        'its name, then at least four other words for it, with commas',
    )
    parser.add_argument(
        '--boundary-width',
        type=integer(1, 1000),
        metavar='PX',
        help='with --report full, the width of a boundary in pixels; '
        f'default: {_WIDTH}',
    )


def apply_report(config: Config, args: argparse.Namespace) -> None:
    """Add the metric and the hook of the full report to a test.

    Args:
        config (Config): The whole config; metrics and hooks of the test
            change.
        args (argparse.Namespace): Of :func:`add_report_arguments`, with
            `tta` and `result`.

    Raises:
        ValueError: If a flag needs another one or does not go with it.
        FileNotFoundError: If there is no such file of wordings.
    """
    full = args.report == 'full'
    needs = {
        '--passes': (args.passes, full, '--report full'),
        '--boundary-width': (args.boundary_width, full, '--report full'),
        '--pass-images': (args.pass_images, args.passes, '--passes'),
        '--wordings': (
            args.wordings,
            'wordings' in args.passes,
            '--passes wordings',
        ),
    }
    for flag, (value, there, needed) in needs.items():
        if value and not there:
            raise ValueError(f'{flag} has no effect without {needed}')
    if not full:
        return
    if args.tta:
        raise ValueError(
            '--report full needs the probabilities of one view per image; '
            'leave --tta out'
        )
    if args.wordings and not Path(args.wordings).is_file():
        raise FileNotFoundError(f'--wordings: there is no {args.wordings}')
    metrics = config.get('test_evaluator') or []
    metrics = metrics if isinstance(metrics, list) else [metrics]
    shared = {
        key: metrics[0][key]
        for key in ('ignore_index', 'seen_classes')
        if metrics and key in metrics[0]
    }
    width = args.boundary_width or _WIDTH
    metric = {'type': 'FullReportMetric', 'boundary_width': width, **shared}
    config.test_evaluator = [*metrics, metric]
    folder = None
    if args.result:
        folder = str(Path(args.result).with_suffix('')) + '_report'
    hook = {
        'type': 'FullReportHook',
        'passes': args.passes,
        'pass_images': args.pass_images,
        'wordings': args.wordings,
        'folder': folder,
    }
    config.custom_hooks = [*config.get('custom_hooks', []), hook]
