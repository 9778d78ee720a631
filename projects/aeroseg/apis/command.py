# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The command line of the prediction."""

import argparse
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from aeroseg.command_line import describe, integer, number
from aeroseg.engine.launch import needs_training
from aeroseg.errors import remember_partners
from aeroseg.mapping.job.object_store import (
    StoredFolder,
    is_store,
    local_folder,
    stored_folder,
)
from aeroseg.mapping.job.scene_options import SceneOptions
from aeroseg.mapping.mosaics import inputs
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary

from . import words
from .predictor import Predictor
from .scene_list import Task, find_scenes, plan, share
from .training_free import training_free_predictor

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tools/predict.py``."""
    parser.add_argument(
        'inputs',
        nargs='*',
        help='images, GeoTIFFs, folders, globs, or addresses '
        'such as https://host/scene.tif and s3://bucket/scene.tif',
    )
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='folder for the results; or s3://bucket/prefix (gs://, az://), '
        'to which they are copied when they are complete',
    )
    parser.add_argument(
        '--explain',
        action='store_true',
        help='print the prompts, and classes that CLIP can hardly tell apart',
    )
    add_model_arguments(parser)
    words.add_arguments(parser)
    inputs.add_arguments(parser)
    add_region_arguments(parser)
    SceneOptions.add_arguments(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that name a model; see :func:`predictor_of`."""
    model = parser.add_argument_group('model')
    model.add_argument(
        '--model',
        metavar='DIR',
        help='a model folder made by tools/pack.py, or its name on the '
        'Hugging Face hub, instead of --config and --checkpoint',
    )
    model.add_argument(
        '--config', help='default: the config file next to the checkpoint'
    )
    model.add_argument(
        '--checkpoint',
        help='trained weights; without them and without --config, a model '
        'that needs no training is used',
    )
    model.add_argument(
        '--clip',
        metavar='FILE|TAG',
        help='weights of CLIP ViT-B/16 for use without --checkpoint, as a '
        "file or as open_clip names them; default: 'openai', downloaded once",
    )
    model.add_argument('--device', help='cpu, cuda, cuda:1; default: a GPU')
    model.add_argument('--amp', action='store_true', help='use bfloat16')


def add_region_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments for large scenes."""
    group = parser.add_argument_group(
        'large scenes', 'the result has the same bytes in every way'
    )
    group.add_argument(
        '--workers',
        type=integer(1),
        default=1,
        metavar='N',
        help='processes of this machine that share each scene; they take '
        'turns on the GPUs. A worker that is lost is replaced',
    )
    group.add_argument(
        '--engine',
        choices=('local', 'ray'),
        default='local',
        help='where workers run: on this machine, or as actors of Ray',
    )
    group.add_argument(
        '--address',
        metavar='HOST:PORT',
        help="with --engine ray: a running cluster, or 'auto'; default: Ray "
        'is started on this machine',
    )
    group.add_argument(
        '--patience',
        type=number(above=0),
        default=600.0,
        metavar='SECONDS',
        help='a worker that finishes no window for so long is replaced '
        '(default: 600)',
    )
    group.add_argument(
        '--blocks',
        type=_share,
        metavar='I/N',
        help='predict only share I of N of one scene and keep its rows, for '
        'job arrays; --assemble then writes the results',
    )
    group.add_argument(
        '--assemble',
        action='store_true',
        help='write the results from rows that shares have kept; predict '
        'nothing',
    )


def _share(text: str) -> tuple[int, int]:
    index, slash, shares = text.partition('/')
    if not (slash and index.isdecimal() and shares.isdecimal()):
        raise argparse.ArgumentTypeError(
            f'{text!r} is not a share such as 1/8, the first of eight'
        )
    return int(index), int(shares)


def run(args: argparse.Namespace) -> int:
    """Do what the command line says.

    Returns:
        int: Exit status: 0, or 1 if a scene of several failed.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If an argument, or the only scene, is wrong.
    """
    if not args.progress:
        logging.getLogger('aeroseg').setLevel(logging.WARNING)
    named = bool(args.inputs or args.stac)
    if not args.explain and not (named and args.out):
        raise ValueError('name an image and --out DIR, or ask to --explain')
    out = local_folder(args.out or '.')
    scenes = inputs.gather(args, find_scenes(args.inputs))
    tasks = plan(scenes, out)
    _check_region(args, tasks)
    rank, world_size = _join_group()
    # The workers have the model on their devices.
    here = args.workers == 1 and args.engine == 'local'
    device = args.device if here else 'cpu'
    if device is None and world_size > 1 and torch.cuda.is_available():
        device = f'cuda:{os.environ.get("LOCAL_RANK", "0")}'
    predictor = predictor_of(args, device)
    vocabulary = words.read_words(args, predictor.trained)
    if args.explain and rank == 0:
        logger.warning('%s', predictor.explain(vocabulary).text())
    if not tasks:
        return 0
    options = SceneOptions.from_args(args, predictor.tiling, predictor.scale)
    if args.blocks is not None:
        from .regions import predict_share

        (scene, out), (index, shares) = tasks[0], args.blocks
        predict_share(
            predictor, scene, out, index, shares, vocabulary, options
        )
        return 0
    mine = share(tasks, rank, world_size)
    scan = _scan(args, predictor, vocabulary)
    store = None
    if is_store(args.out):
        store = partial(stored_folder, out, args.out)
    failed = _predict_all(
        predictor, mine, vocabulary, options, len(tasks), scan, store
    )
    return _leave_group(failed, world_size)


def predictor_of(args: argparse.Namespace, device: str | None) -> Predictor:
    """The model of a command line; see :mod:`.training_free`.

    Args:
        args (argparse.Namespace): What :func:`add_model_arguments` declared.
        device (str | None): See :class:`Predictor`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the arguments exclude each other, or a file does not
            fit.
    """
    if args.model is not None:
        if args.checkpoint or args.config or args.clip:
            raise ValueError(
                f'--model {args.model} is a whole model: leave out --config, '
                '--checkpoint and --clip'
            )
        return Predictor.from_pretrained(
            args.model, device=device, amp=args.amp
        )
    if args.checkpoint is None and args.config is None:
        return training_free_predictor(args.clip, device, args.amp)
    if args.clip is not None:
        raise ValueError(
            '--clip goes with neither --checkpoint nor --config, which have '
            'a CLIP model of their own: leave it out'
        )
    if args.checkpoint is None and needs_training(read_config(args.config)):
        raise ValueError(
            f'the model of {args.config} needs training: give its '
            '--checkpoint FILE, or leave out --config to use a model that '
            'needs none'
        )
    return Predictor(args.config, args.checkpoint, device, args.amp)


def _check_region(args: argparse.Namespace, tasks: list[Task]) -> None:
    """Refuse arguments for large scenes that exclude each other."""
    ways = {
        '--workers': args.workers > 1 or args.engine == 'ray',
        '--blocks': args.blocks is not None,
        '--assemble': args.assemble,
        'torchrun': int(os.environ.get('WORLD_SIZE', '1')) > 1,
    }
    chosen = [name for name, used in ways.items() if used]
    if args.blocks is not None and is_store(args.out):
        raise ValueError(
            '--blocks needs a folder that all shares see, and --out is an '
            'object store: give a folder, and copy the results afterwards'
        )
    if len(chosen) > 1:
        raise ValueError(f'{" and ".join(chosen)}: choose one of them')
    if args.address is not None and args.engine != 'ray':
        raise ValueError('--address is for --engine ray')
    if args.blocks is not None and len(tasks) != 1:
        raise ValueError(
            f'--blocks is for one scene, and {len(tasks)} are named; give '
            'each scene an array of its own'
        )


def _scan(
    args: argparse.Namespace, predictor: Predictor, vocabulary: Vocabulary
) -> Any:
    """How missing rows are predicted; None: in this process."""
    if args.assemble:
        from aeroseg.mapping.region.scan_region import refuse_missing

        return refuse_missing
    if args.workers > 1 or args.engine == 'ray':
        from .regions import by_workers, engine_of

        return by_workers(
            predictor,
            args.workers,
            vocabulary,
            args.device,
            patience=args.patience,
            make_engine=engine_of(args.engine, args.address, args.device),
        )
    return None


def _predict_all(
    predictor: Predictor,
    tasks: list[Task],
    vocabulary: Vocabulary,
    options: SceneOptions,
    total: int,
    scan: Any = None,
    store: Callable[[Path], StoredFolder] | None = None,
) -> list[str]:
    """Predict; with several scenes a bad one does not stop the others."""
    failed = []
    for task in tasks:
        try:
            stored = store and store(task.out)
            if stored and not options.overwrite:
                stored.fetch()
            result = predictor.predict_scene(*task, vocabulary, options, scan)
            if stored:
                stored.push()
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            sentence = describe(error)
            if total == 1 or sentence is None:
                raise
            logger.error('error: %s: %s', task.scene, sentence)
            failed.append(f'{task.scene}: {sentence}')
            continue
        for area in result.areas:
            size = '' if area.hectares is None else f'{area.hectares:12.2f} ha'
            logger.info('%8.2f %%%s  %s', 100 * area.share, size, area.name)
        logger.info('written to %s', task.out)
    return failed


def _join_group() -> tuple[int, int]:
    """Rank and number of processes; gloo works on CPUs and GPUs."""
    world_size = int(os.environ.get('WORLD_SIZE', '1'))
    if world_size == 1:
        return 0, 1
    distributed.init_process_group('gloo')
    remember_partners()
    return distributed.get_rank(), world_size


def _leave_group(failed: list[str], world_size: int) -> int:
    everywhere = [failed]
    if world_size > 1:
        everywhere = [[] for _ in range(world_size)]
        distributed.all_gather_object(everywhere, failed)
        distributed.destroy_process_group()
    return int(any(everywhere))
