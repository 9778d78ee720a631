# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Show on the generated world how training on seen classes helps unseen ones.

Trains a config of configs/demo/, scores it on scenes it has not seen, next to
the same encoders untrained (zero-shot) and to chance, and saves a picture.

Examples:
  python tools/demo.py                                  # AerOSeg, seed 0
  python tools/demo.py configs/demo/baseline_world.py --seed 1
  python tools/demo.py --checkpoint CHECKPOINT          # score, train nothing
  python tools/demo.py --table work_dirs/demo           # mean +- std of runs
  python tools/demo.py --sheet docs/images/world.jpg    # what it looks like
"""

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import cast

# Two cores: one for the training, one for the scenes.
os.environ.setdefault('OMP_NUM_THREADS', '2')
import numpy as np
import torch
import torch.nn.functional as F
from _demo_table import COLUMNS, print_table
from mmengine.config import Config
from PIL import Image
from torch import Tensor

from aeroseg.apis.load_model import build_model, load_weights
from aeroseg.checkpoints.model_card import WORLD_LICENCE, Facts
from aeroseg.checkpoints.model_folder import write_model_folder
from aeroseg.checkpoints.read import read_checkpoint, weights_of
from aeroseg.command_line import ToolParser, as_called, integer, run_tool
from aeroseg.engine.calm_console import CalmRunner
from aeroseg.engine.run import latest_checkpoint
from aeroseg.evaluation.scores import open_vocab_means
from aeroseg.files import atomic_path, lock_folder
from aeroseg.models import AerOSeg
from aeroseg.models.necks.correlation_neck import correlate
from aeroseg.read_config import CONFIGS, read_config
from aeroseg.visualization import contact_sheet, draw_panel
from aeroseg.vocabulary import Vocabulary
from aeroseg.world import WorldDataset, make_scene

TEST_SERIES = 3


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'config',
        nargs='?',
        type=Path,
        default=CONFIGS / 'demo/aeroseg_world.py',
    )
    parser.add_argument('--seed', type=integer(0, 2**32 - 1), default=0)
    parser.add_argument('--iters', type=integer(1), help='training steps')
    parser.add_argument(
        '--scenes', type=integer(1), default=100, help='test scenes'
    )
    parser.add_argument(
        '--checkpoint', type=Path, help='score this file, train nothing'
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/demo')
    )
    parser.add_argument(
        '--amp', action='store_true', help='train in bfloat16 autocast'
    )
    parser.add_argument(
        '--table', type=Path, help='print the scores of a folder, exit'
    )
    parser.add_argument('--sheet', type=Path, help='draw some scenes, exit')
    return parser.parse_args()


def train(args: argparse.Namespace, folder: Path) -> tuple[AerOSeg, float]:
    """Train with mmengine's Runner; returns the model and the seconds."""
    config = read_demo(args.config)
    config.work_dir = str(folder)
    config.randomness = {'seed': args.seed}
    if args.iters:
        config.train_cfg.max_iters = args.iters
        config.param_scheduler.T_max = args.iters
    for part in ('cfg', 'dataloader', 'evaluator'):
        config[f'val_{part}'] = None  # scored below, in more ways
    config.default_hooks.checkpoint.interval = config.train_cfg.max_iters
    if args.amp:
        config.optim_wrapper.type = 'AutocastOptimWrapper'
    start = time.time()
    runner = CalmRunner.from_cfg(config)
    runner.train()
    return runner.model.eval(), time.time() - start


def read_demo(path: Path) -> Config:
    """Read a config that trains an AerOSeg on the generated world.

    Raises:
        ValueError: If it is another config.
    """
    config = read_config(path)
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    kinds = (config.get('model') or {}).get('type'), dataset.get('type')
    if kinds != ('AerOSeg', 'WorldDataset'):
        raise ValueError(
            f'{path} is no config of the demo: it has the model {kinds[0]!r} '
            f"and the dataset {kinds[1]!r}, expected 'AerOSeg' and "
            "'WorldDataset'; see configs/demo/"
        )
    return config


def load(config: Path, checkpoint: Path | None = None) -> AerOSeg:
    """The model of a run of `tools/train.py` or `studies/paper_tables.py`.

    Without a checkpoint: its encoders as they are before training.
    """
    model = cast(AerOSeg, build_model(read_demo(config)))
    if checkpoint is None:
        model.load_pretrained()
    else:
        load_weights(model, checkpoint)
    return model


def wrong_names(vocabulary: Vocabulary) -> Vocabulary:
    """Every unseen class under the name of the next unseen class."""
    seen = vocabulary.seen or (True,) * len(vocabulary)
    unseen = [i for i, mark in enumerate(seen) if not mark]
    names = list(vocabulary.names)
    for place, other in zip(unseen, unseen[1:] + unseen[:1], strict=True):
        names[place] = vocabulary.names[other]
    return Vocabulary(tuple(names), seen=vocabulary.seen)


@torch.no_grad()
def label_scenes(
    model: AerOSeg,
    untrained: AerOSeg,
    images: Tensor,
    vocabulary: Vocabulary,
) -> dict[str, Tensor]:
    """Label maps (B, S, S) of the trained and of the untrained model.

    'untrained' is the mean cosine similarity over rotations and prompts of
    the encoders, upsampled bilinearly: what the model knows before it is
    trained. Training may change the encoders, so they are another copy.
    """
    size = images.shape[-2:]
    model.set_vocabulary(vocabulary)
    maps = correlate(
        untrained.backbone(images).dense,
        untrained.text_encoder(vocabulary.queries),
    ).mean(dim=2)
    maps = F.interpolate(maps, size, mode='bilinear', align_corners=False)
    labels = {'untrained': maps.argmax(dim=1)}
    labels['trained'] = model.class_logits(images).argmax(dim=1)
    model.set_vocabulary(wrong_names(vocabulary))
    labels['wrong names'] = model.class_logits(images).argmax(dim=1)
    turned = images.rot90(1, dims=(2, 3))
    model.set_vocabulary(vocabulary)
    logits = model.class_logits(turned).rot90(-1, dims=(2, 3))
    labels['turned scenes'] = logits.argmax(dim=1)
    rng = torch.Generator().manual_seed(0)
    labels['chance'] = torch.randint(
        len(vocabulary), labels['trained'].shape, generator=rng
    )
    return labels


def score(
    model: AerOSeg,
    untrained: AerOSeg,
    vocabulary: Vocabulary,
    scenes: int,
    batch: int = 10,
) -> dict[str, dict[str, float]]:
    """Seen, unseen and harmonic mIoU (percent) of every way of labelling."""
    classes = len(vocabulary)
    counts: dict[str, np.ndarray] = defaultdict(
        lambda: np.zeros((classes, classes), np.int64)
    )
    same = 0
    for start in range(0, scenes, batch):
        made = [
            make_scene(index, TEST_SERIES)
            for index in range(start, min(start + batch, scenes))
        ]
        images = torch.from_numpy(np.stack([s.image for s in made]))
        truth = np.stack([s.label for s in made]).astype(np.int64)
        found = label_scenes(
            model,
            untrained,
            images.permute(0, 3, 1, 2).float(),
            vocabulary,
        )
        for name, label in found.items():
            pairs = truth * classes + label.numpy()
            counts[name] += np.bincount(
                pairs.ravel(), minlength=classes**2
            ).reshape(classes, classes)
        agree = found['trained'] == found['turned scenes']
        same += int(agree.sum())
    rows = {name: _means(count, vocabulary) for name, count in counts.items()}
    rows['turned scenes']['same label'] = 100 * same / (scenes * 256**2)
    return rows


def _means(count: np.ndarray, vocabulary: Vocabulary) -> dict[str, float]:
    hit = np.diag(count).astype(float)
    union = count.sum(0) + count.sum(1) - hit
    with np.errstate(invalid='ignore'):
        iou = np.where(count.sum(1) > 0, 100 * hit / union, np.nan)
    classes = dict(zip(vocabulary.names, iou.round(2), strict=True))
    return {**open_vocab_means(iou, vocabulary.seen), **classes}


def save_picture(
    model: AerOSeg,
    untrained: AerOSeg,
    vocabulary: Vocabulary,
    path: Path,
    index: int = 7,
) -> None:
    """Scene, truth, untrained and trained labels, errors, legend."""
    scene = make_scene(index, TEST_SERIES)
    image = torch.from_numpy(scene.image).permute(2, 0, 1)[None].float()
    found = label_scenes(model, untrained, image, vocabulary)
    maps = {
        'truth': scene.label,
        'untrained': found['untrained'][0].numpy().astype(np.uint8),
        'prediction': found['trained'][0].numpy().astype(np.uint8),
    }
    draw_panel(scene.image, maps, vocabulary, path)


def save_sheet(path: Path, vocabulary: Vocabulary) -> None:
    """Twelve test scenes with their labels and the legend."""
    scenes = [make_scene(index, TEST_SERIES) for index in range(12)]
    images = [scene.image for scene in scenes]
    labels = [scene.label for scene in scenes]
    contact_sheet(images, labels, vocabulary, path, columns=3)


def print_rows(rows: Mapping[str, Mapping[str, float]]) -> None:
    """One line per way of labelling."""
    print(f'{"":16}' + ''.join(f'{name:>9}' for name in COLUMNS))
    for name in ('chance', 'untrained', 'trained', 'wrong names'):
        values = ''.join(f'{rows[name][column]:9.2f}' for column in COLUMNS)
        print(f'{name:16}{values}')


def main() -> None:
    """Train, score, draw."""
    args = parse_args()
    vocabulary = Vocabulary.from_metainfo(WorldDataset.METAINFO)
    if args.sheet:
        save_sheet(args.sheet, vocabulary)
        return
    if args.table:
        print_table(args.table)
        return
    folder = args.work_dir / args.config.stem / f'seed_{args.seed}'
    read_demo(args.config)  # before the folder is made
    with lock_folder(folder):
        run_demo(args, vocabulary, folder)


def run_demo(
    args: argparse.Namespace, vocabulary: Vocabulary, folder: Path
) -> None:
    """Train or load, score, and write into the folder."""
    seconds = 0.0
    if args.checkpoint:
        model = load(args.config, args.checkpoint)
    else:
        model, seconds = train(args, folder)
    untrained = load(args.config)
    rows = score(model, untrained, vocabulary, args.scenes)
    result = {
        'config': args.config.stem,
        'seed': args.seed,
        'training seconds': round(seconds),
        'rows': rows,
    }
    with atomic_path(folder / 'scores.json') as part:
        part.write_text(json.dumps(result, indent=1))
    save_picture(model, untrained, vocabulary, folder / 'picture.png')
    print_rows(rows)
    if not args.checkpoint:
        print(f'trained in {seconds:.0f} s')
    print(f'picture: {folder / "picture.png"}')
    share(args, vocabulary, folder)


def share(
    args: argparse.Namespace, vocabulary: Vocabulary, folder: Path
) -> None:
    """Leave a model folder and a scene, and say what to do with them."""
    checkpoint = args.checkpoint or latest_checkpoint(folder) or ''
    config, model = read_demo(args.config), folder / 'model'
    facts = Facts(args.config.stem, data_licence=WORLD_LICENCE)
    weights = weights_of(read_checkpoint(checkpoint))
    write_model_folder(weights, config, vocabulary, model, facts, replace=True)
    scene = folder / 'scene.png'
    Image.fromarray(make_scene(7, TEST_SERIES).image).save(scene)
    command = f'python tools/predict.py {scene} --model {model}'
    print(as_called(f'map a scene: {command} --out {folder / "map"}'))


if __name__ == '__main__':
    run_tool(main)
