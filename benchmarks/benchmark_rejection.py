# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Measure what SED's category early rejection saves.

How many classes are rejected depends on the picture and on trained weights.
Weights are random here, so the number of classes that are left is given: the
auxiliary heads are computed and ranked, then the first so many classes go on.
Text features are random unit vectors. Time is that of the processor, all
threads together, with the text encoded already.

Examples:
  python benchmarks/benchmark_rejection.py \
configs/baselines/sed_convnext-b_1xb4-80k_isaid-768x768.py \
--classes 150 --left 150,40,20,8 --threads 1
"""

import argparse
import time
from collections.abc import Callable

import measure
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor

from aeroseg.acceleration import accelerated
from aeroseg.command_line import ToolParser, run_tool
from aeroseg.engine.launch import add_config_arguments
from aeroseg.models import SED
from aeroseg.read_config import read_config
from aeroseg.vocabulary import Vocabulary


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        '--classes', type=int, default=150, help='size of the vocabulary'
    )
    parser.add_argument(
        '--left', default='150,40,20,8', help='classes that are not rejected'
    )
    parser.add_argument('--size', type=int, default=768, help='image side, px')
    parser.add_argument('--threads', type=int, help='CPU threads')
    parser.add_argument(
        '--repeat', type=int, default=3, help='runs that count'
    )
    return parser.parse_args()


def build(config: Config, classes: int) -> SED:
    """The model with random weights and random text."""
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    if not isinstance(model, SED):
        raise ValueError(
            f'the model is {type(model).__name__}; early rejection is a part '
            'of SED: give one of configs/baselines/sed_*.py'
        )
    names = tuple(f'class {index}' for index in range(classes))
    model.set_vocabulary(Vocabulary(names))
    encoder = model.text_encoder
    shape = classes, encoder.num_prompts, encoder.embed_dims
    text = F.normalize(torch.randn(shape), dim=-1)
    encoder.forward = lambda queries: text
    return model


def keep_first(
    rank: Callable[[Tensor], Tensor], left: int
) -> Callable[[Tensor], Tensor]:
    """Rank the classes as ever, then keep the first so many."""

    def kept(scores: Tensor) -> Tensor:
        rank(scores)
        return torch.arange(min(left, scores.shape[1]))

    return kept


@torch.no_grad()
def main() -> None:
    """Measure and print."""
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    model = build(read_config(args.config, args.cfg_options), args.classes)
    image = 255 * torch.rand(1, 3, args.size, args.size)
    head = model.decode_head

    def seconds(run: Callable[[], object]) -> float:
        return measure.time_runs(
            run, torch.device('cpu'), args.repeat, 1, time.process_time
        ).median

    with accelerated():
        features = model.extract_feat(image)
        tower = seconds(lambda: model.extract_feat(image))
        head.rejection_k = 0
        plain = seconds(lambda: head(features))
        print(
            f'{args.config}: {args.classes} classes, {args.size} px, '
            f'{torch.get_num_threads()} CPU threads; image tower and '
            f'correlation {tower:.2f} s\n\n'
            '| rejection | classes left | decoder s | of that without |\n'
            f'|---|---|---|---|\n| off | {args.classes} | {plain:.2f} | 1.00 |'
        )
        head.rejection_k = 8
        rank = head.best_somewhere
        for left in map(int, args.left.split(',')):
            head.best_somewhere = keep_first(rank, left)
            cost = seconds(lambda: head(features))
            print(f'| on | {left} | {cost:.2f} | {cost / plain:.2f} |')


if __name__ == '__main__':
    run_tool(main)
