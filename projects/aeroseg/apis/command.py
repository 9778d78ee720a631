# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The command line of the prediction."""

import argparse
import logging
import os
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed

from aeroseg.vocabulary import Vocabulary

from .predictor import Predictor
from .scene_list import Task, find_scenes, plan, share

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tools/predict.py``."""
    parser.add_argument(
        'inputs', nargs='*', help='images, GeoTIFFs, folders or globs'
    )
    parser.add_argument('--out', metavar='DIR', help='folder for the results')
    model = parser.add_argument_group('model')
    model.add_argument(
        '--config', help='default: the config file beside the checkpoint'
    )
    model.add_argument('--checkpoint', required=True, help='trained weights')
    model.add_argument('--device', help='cpu, cuda, cuda:1; default: a GPU')
    model.add_argument('--amp', action='store_true', help='use bfloat16')
    model.add_argument(
        '--text-cache',
        metavar='DIR',
        help='folder for text features, "" for none; default: '
        '~/.cache/aeroseg/text',
    )
    _add_words(parser.add_argument_group('classes'))
    _add_reading(parser.add_argument_group('reading'))
    _add_writing(parser.add_argument_group('writing'))


def _add_words(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--classes',
        help="\"building, house; road\": ';' between classes, ',' between "
        'synonyms; default: the classes of the training',
    )
    group.add_argument(
        '--vocabulary',
        metavar='FILE',
        help='a text file with a class per line instead of --classes',
    )
    group.add_argument(
        '--contrast',
        metavar='WORDS',
        help="words for what belongs to no class, separated by ','; they "
        "are predicted and merged into 'background'",
    )
    group.add_argument(
        '--threshold',
        type=float,
        metavar='P',
        help="pixels whose best probability is below P become 'background'",
    )
    group.add_argument(
        '--explain',
        action='store_true',
        help='print the prompts, and classes that CLIP can hardly tell apart',
    )


def _add_reading(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--bands', type=_numbers, metavar='R,G,B', help='default: 1,2,3'
    )
    group.add_argument(
        '--gsd',
        type=float,
        metavar='METRES',
        help='ground resolution of the training images; the scene is '
        'resampled to it for the model',
    )
    group.add_argument(
        '--scale',
        type=float,
        help="enlarge by this factor for the model; default: the config's",
    )
    group.add_argument(
        '--stretch',
        default='auto',
        help='auto, none, minmax, percentile:P or LOW,HIGH; auto takes the '
        '2nd to 98th percentile unless the values are 8-bit',
    )
    for name, text in (
        ('window', 'side of a window in pixels the model sees'),
        ('overlap', 'smallest overlap of two windows'),
        ('margin', 'border of a window that is thrown away'),
        ('batch', 'windows per pass'),
    ):
        group.add_argument(f'--{name}', type=int, metavar='N', help=text)


def _add_writing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--scores', action='store_true', help='also write scores.tif'
    )
    group.add_argument(
        '--polygons',
        nargs='?',
        const='gpkg',
        choices=('gpkg', 'geojson'),
        help='also write polygons',
    )
    group.add_argument(
        '--simplify',
        type=float,
        default=1.0,
        metavar='PIXELS',
        help='tolerance of the polygons; 0 keeps every corner',
    )
    group.add_argument(
        '--overwrite',
        action='store_true',
        help='replace complete results, of the same run as well',
    )
    group.add_argument(
        '--quiet', action='store_true', help='no progress bar, no notes'
    )


def run(args: argparse.Namespace) -> int:
    """Do what the command line says.

    Returns:
        int: Exit status: 0, or 1 if a scene of several failed.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If an argument, or the only scene, is at fault.
    """
    if args.quiet:
        logging.getLogger('aeroseg').setLevel(logging.WARNING)
    if not args.explain and not (args.inputs and args.out):
        raise ValueError('name an image and --out DIR, or ask to --explain')
    tasks = plan(find_scenes(args.inputs), Path(args.out or '.'))
    words = read_words(args)
    rank, world_size = _join_group()
    device = args.device
    if device is None and world_size > 1 and torch.cuda.is_available():
        device = f'cuda:{os.environ.get("LOCAL_RANK", "0")}'
    predictor = Predictor(
        args.config, args.checkpoint, device, args.amp, args.text_cache
    )
    vocabulary = predictor.vocabulary(words)
    vocabulary = _with_policy(vocabulary, args)
    if args.explain and rank == 0:
        logger.warning('%s', predictor.explain(vocabulary).text())
    if not args.inputs:
        return 0
    options = _options(predictor, args)
    mine = share(tasks, rank, world_size)
    failed = _predict_all(predictor, mine, vocabulary, options, len(tasks))
    return _leave_group(failed, world_size)


def read_words(args: argparse.Namespace) -> str | Path | None:
    """The classes by `--classes` or `--vocabulary`, not both.

    Raises:
        ValueError: If both are given.
    """
    if args.classes is not None and args.vocabulary is not None:
        raise ValueError('give --classes or --vocabulary, not both')
    if args.vocabulary is not None:
        return Path(args.vocabulary)
    return args.classes


def _with_policy(
    vocabulary: Vocabulary, args: argparse.Namespace
) -> Vocabulary:
    changes: dict = {}
    if args.contrast is not None:
        changes['contrast'] = tuple(args.contrast.split(','))
    if args.threshold is not None:
        changes['threshold'] = args.threshold
    return replace(vocabulary, **changes)


def _options(predictor: Predictor, args: argparse.Namespace) -> dict:
    names = ('window', 'overlap', 'margin', 'batch')
    changes = {name: getattr(args, name) for name in names}
    given = {key: v for key, v in changes.items() if v is not None}
    if 'window' in given and 'overlap' not in given:
        given['overlap'] = given['window'] // 4
    options = {
        'tiling': replace(predictor.tiling, **given),
        'bands': args.bands,
        'gsd': args.gsd,
        'stretch': args.stretch,
        'scores': args.scores,
        'polygons': args.polygons,
        'simplify': args.simplify,
        'overwrite': args.overwrite,
        'progress': not args.quiet,
    }
    if args.scale is not None:
        options['scale'] = args.scale
    return options


def _predict_all(
    predictor: Predictor,
    tasks: list[Task],
    vocabulary: Vocabulary,
    options: dict,
    total: int,
) -> list[str]:
    """Predict; with several scenes a bad one does not stop the others."""
    failed = []
    for task in tasks:
        try:
            result = predictor.predict_scene(*task, vocabulary, **options)
        except (FileNotFoundError, ValueError, MemoryError) as error:
            if total == 1:
                raise
            logger.error('error: %s', error)
            failed.append(f'{task.scene}: {error}')
            continue
        for area in result.areas:
            size = '' if area.hectares is None else f'{area.hectares:12.2f} ha'
            logger.info('%8.2f %%%s  %s', 100 * area.share, size, area.name)
        logger.info('written to %s', task.out)
    return failed


def _join_group() -> tuple[int, int]:
    """Rank and number of processes; gloo serves CPUs and GPUs alike."""
    world_size = int(os.environ.get('WORLD_SIZE', '1'))
    if world_size == 1:
        return 0, 1
    distributed.init_process_group('gloo')
    return distributed.get_rank(), world_size


def _leave_group(failed: list[str], world_size: int) -> int:
    everywhere = [failed]
    if world_size > 1:
        everywhere = [[] for _ in range(world_size)]
        distributed.all_gather_object(everywhere, failed)
        distributed.destroy_process_group()
    return int(any(everywhere))


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(','))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a list of band numbers such as 1,2,3'
        ) from None
