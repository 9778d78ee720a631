# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The words of a command line or a caller, as a vocabulary."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from mmengine.config import Config
from mmseg.registry import DATASETS

from aeroseg.vocabulary import Vocabulary

Classes: TypeAlias = str | Path | Sequence[str] | Vocabulary


def read_classes(
    classes: Classes | None, trained: Vocabulary | None
) -> Vocabulary:
    """Read classes in any of the forms in which they are given.

    Args:
        classes (Classes | None): 'building, house; road' (';' between
            classes, ',' between synonyms), a list of such classes, the path
            of a vocabulary file, a vocabulary, or None for the classes of
            the training.
        trained (Vocabulary | None): These, if they are known.

    Raises:
        ValueError: If names are empty or given twice, or none are given and
            those of the training are not known.
        FileNotFoundError: If there is no such vocabulary file.
    """
    if classes is None:
        if trained is None:
            raise ValueError(
                'neither the checkpoint nor the config names the classes of '
                "the training; give classes, such as 'building; road'"
            )
        return trained
    if isinstance(classes, Vocabulary):
        return classes
    if isinstance(classes, Path):
        return Vocabulary.from_file(classes)
    if not isinstance(classes, str):
        classes = ';'.join(classes)
    return Vocabulary.parse(classes)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the classes, in a group 'classes'.

    Args:
        parser (argparse.ArgumentParser): The parser of the command.
    """
    group = parser.add_argument_group('classes')
    names = group.add_mutually_exclusive_group()
    names.add_argument(
        '--classes',
        help="\"building, house; road\": ';' between classes, ',' between "
        'synonyms; default: the classes of the training',
    )
    names.add_argument(
        '--vocabulary',
        type=Path,
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


def read_words(
    args: argparse.Namespace, trained: Vocabulary | None
) -> Vocabulary:
    """The words of a command line.

    Args:
        args (argparse.Namespace): What :func:`add_arguments` declared.
        trained (Vocabulary | None): The classes of the training, if known.

    Raises:
        ValueError: See :func:`read_classes`.
        FileNotFoundError: If there is no such vocabulary file.
    """
    words = args.classes if args.vocabulary is None else args.vocabulary
    vocabulary = read_classes(words, trained)
    if args.contrast is not None:
        contrast = tuple(args.contrast.split(','))
        vocabulary = replace(vocabulary, contrast=contrast)
    if args.threshold is not None:
        vocabulary = replace(vocabulary, threshold=args.threshold)
    return vocabulary


def classes_of_test(config: Config) -> Vocabulary | None:
    """The classes that a config is scored on, with their colours.

    Args:
        config (Config): The whole config.

    Returns:
        Vocabulary | None: None if it has no test dataset of its own.

    Raises:
        FileNotFoundError: If the dataset reads its names from a file that is
            missing.
    """
    dataset = (config.get('test_dataloader') or {}).get('dataset')
    if not dataset or 'dataset' in dataset or 'datasets' in dataset:
        return None
    built = DATASETS.build({**dataset, 'lazy_init': True})
    meta = built.metainfo
    return Vocabulary.from_metainfo(meta) if meta.get('classes') else None
