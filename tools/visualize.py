# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Pictures of what models see: label maps, correlation, features.

Examples:
  python tools/visualize.py CONFIG CHECKPOINT IMAGE --out pictures
  python tools/visualize.py A.py a.pth B.py b.pth IMAGE --truth LABEL.png \
--names "AerOSeg; SegFormer" --out pictures
  python tools/visualize.py TRAINING_FREE_CONFIG - IMAGE \
--classes "ship; small vehicle, car" --out pictures
  python tools/visualize.py CONFIG CHECKPOINT IMAGE --correlation ship \
--out pictures
  python tools/visualize.py CONFIG CHECKPOINT IMAGE --features --out pictures

Any number of models are drawn next to each other; '-' stands for the
checkpoint of a model that needs no training. Without --classes, the models
are asked for the classes of the first config's test dataset.
"""

import argparse
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aeroseg.apis import Predictor
from aeroseg.apis.inner_maps import feature_maps, word_correlation
from aeroseg.apis.words import add_arguments, classes_of_test, read_words
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.datasets.labels import IGNORE_INDEX, read_ids
from aeroseg.engine.launch import needs_training
from aeroseg.read_config import read_config
from aeroseg.visualization import (
    draw_comparison,
    enlarge_cells,
    pca_colors,
    with_scale,
)
from aeroseg.visualization.panel import fit_size, join_grid, save_picture
from aeroseg.vocabulary import Vocabulary

Row = list[tuple[str, np.ndarray]]
Models = dict[str, tuple[str, str | None]]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(
        __doc__,
        usage='visualize.py CONFIG CHECKPOINT [CONFIG CHECKPOINT ...] IMAGE '
        '--out DIR [options]',
    )
    add = parser.add_argument
    add(
        'models',
        nargs='+',
        metavar='FILE',
        help='a config and a checkpoint per model, then the image',
    )
    add('--out', required=True, metavar='DIR', help='folder of the picture')
    add('--names', help='titles of the models, separated by ";"')
    add(
        '--truth',
        type=Path,
        metavar='LABEL',
        help='ids in the order of the classes, 255 where nothing is known',
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--correlation',
        metavar='WORD',
        help='draw where the image is like the word, before and after the '
        'refinement (Fig. 6)',
    )
    what.add_argument(
        '--features',
        action='store_true',
        help='draw CLIP and guidance features as colours (Fig. 3)',
    )
    add('--device', help='cpu, cuda, cuda:1; default: a GPU')
    add_arguments(parser)
    return parser.parse_args()


def split_models(words: list[str], names: str | None) -> tuple[Models, str]:
    """Config and checkpoint by title, and the image.

    Raises:
        ValueError: If a config has no checkpoint, or the titles do not fit.
    """
    *models, image = words
    if not models or len(models) % 2:
        raise ValueError(
            f'{len(models)} files stand before the image {image}; give a '
            'config and a checkpoint per model, then one image, and - for '
            'the checkpoint of a model that needs no training'
        )
    pairs = list(zip(models[::2], models[1::2], strict=True))
    titles = [Path(config).stem for config, _ in pairs]
    if len(set(titles)) < len(titles):
        titles = [f'{Path(c).stem}, {Path(w).stem}' for c, w in pairs]
    if names is not None:
        titles = [name.strip() for name in names.split(';')]
    if len(titles) != len(pairs) or len(set(titles)) < len(titles):
        raise ValueError(
            f'{len(pairs)} models have the titles {titles}; give as many '
            'different ones with --names "A; B"'
        )
    found = [(c, None if w == '-' else w) for c, w in pairs]
    return dict(zip(titles, found, strict=True)), image


def load_all(
    models: Models, device: str | None
) -> Iterator[tuple[str, Predictor]]:
    """Models by title, one in memory at a time.

    Raises:
        ValueError: If a model needs training and has no checkpoint.
    """
    for title, (path, checkpoint) in models.items():
        config = read_config(path)
        if checkpoint is None and needs_training(config):
            raise ValueError(
                f'the model of {path} needs training: give its checkpoint '
                'instead of -'
            )
        yield title, Predictor(config, checkpoint, device)


def read_truth(path: Path, classes: Vocabulary) -> np.ndarray:
    """A label file whose ids are those of the classes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no label or holds other ids.
    """
    truth = read_ids(path.read_bytes(), path)
    ids = np.unique(truth[truth != IGNORE_INDEX])
    if ids.size and not 0 <= ids.min() <= ids.max() < len(classes):
        raise ValueError(
            f'{path} holds the ids {ids.min()} to {ids.max()}, and there are '
            f'{len(classes)} classes: {list(classes.names)}; name all classes '
            f'with --classes, in the order of the ids, and use {IGNORE_INDEX} '
            'where nothing is known'
        )
    return truth


def compare(
    args: argparse.Namespace, models: Models, image: str
) -> np.ndarray:
    """Label maps of all models; see :func:`draw_comparison`."""
    labels: dict[str, np.ndarray] = {}
    words: Vocabulary | None = None
    for title, predictor in load_all(models, args.device):
        words = words or words_of(args, predictor)
        with naming(models[title][0]):
            result = predictor.predict(image, words)
        labels[title] = result.labels
    classes, truth = result.scheme.classes, None
    if args.truth is not None:
        truth = read_truth(args.truth, classes)
        if truth.shape != result.labels.shape:
            raise ValueError(
                f'{args.truth} has {truth.shape} rows and columns, {image} '
                f'{result.labels.shape}; give the label of this image'
            )
    return draw_comparison(result.image, labels, classes, truth)


def look_inside(
    args: argparse.Namespace, models: Models, image: str
) -> np.ndarray:
    """A row per model: correlation of a word, or features."""
    rows = []
    words: Vocabulary | None = None
    for title, predictor in load_all(models, args.device):
        with naming(models[title][0]):
            if args.features:
                rows.append(feature_row(predictor, image, title))
                continue
            words = words or words_of(args, predictor)
            rows.append(
                correlation_row(
                    predictor, image, args.correlation, words, title
                )
            )
    return join_grid(rows)


def correlation_row(
    predictor: Predictor,
    image: str,
    word: str,
    classes: Vocabulary,
    title: str,
) -> Row:
    """Image, correlation before and after the refinement (Fig. 6)."""
    found = word_correlation(predictor, image, word, classes)
    before = with_scale(found.image, found.before)
    after = with_scale(found.image, found.after)
    return [
        (title, fit_size(found.image)),
        (f'{word}: before refinement', before),
        (f'{word}: after refinement', after),
    ]


def feature_row(predictor: Predictor, image: str, title: str) -> Row:
    """Image, features of CLIP and of the guidance encoder (Fig. 3)."""
    found = feature_maps(predictor, image)
    row = [(title, fit_size(found.image))]
    size = row[0][1].shape[:2]
    parts = {'CLIP': found.clip, 'guidance': found.guidance}
    for name, features in parts.items():
        blocks = enlarge_cells(pca_colors(features), found.cells, size)
        row.append((f'{name} features', blocks))
    return row


def words_of(args: argparse.Namespace, predictor: Predictor) -> Vocabulary:
    """The classes that all models are asked for."""
    known = None
    if args.classes is None and args.vocabulary is None:
        known = classes_of_test(predictor.config)
    return read_words(args, known or predictor.trained)


@contextmanager
def naming(config: str) -> Iterator[None]:
    """Begin the errors of a model with its config."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f'{config}: {error}') from error


def main() -> None:
    """Draw one picture."""
    logging.basicConfig(level=logging.WARNING, format='%(message)s')
    args = parse_args()
    models, image = split_models(args.models, args.names)
    kind = 'comparison'
    if args.features or args.correlation is not None:
        if args.truth is not None:
            raise ValueError(
                '--truth goes with label maps; leave it out with '
                '--correlation and --features'
            )
        picture = look_inside(args, models, image)
        words = args.correlation or 'features'
        kind = re.sub(r'\W+', '_', words)
    else:
        picture = compare(args, models, image)
    target = Path(args.out) / f'{Path(image).stem}_{kind}.png'
    save_picture(picture, target)
    print(f'written to {target}')


if __name__ == '__main__':
    run_tool(main)
