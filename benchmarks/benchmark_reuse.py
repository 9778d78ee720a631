# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How much sooner other words on the same view are answered.

Asks as the page of `aeroseg serve` does: a first list of words on a part of a
scene, then others, which reuse what the model saw. The model has random
weights. Prints the seconds from the question to the complete files, and what
is kept in memory.

Examples:
  python benchmarks/benchmark_reuse.py CONFIG scene.tif
  python benchmarks/benchmark_reuse.py CONFIG scene.tif --crop 0,0,1200,800
"""

import argparse
import tempfile
import time
from pathlib import Path

import torch

from aeroseg.apis.predictor import Predictor
from aeroseg.command_line import ToolParser, integer, number, run_tool
from aeroseg.mapping.job.scene_options import SceneOptions, rectangle
from aeroseg.serving.answer import Answerer
from aeroseg.serving.jobs import Job, Question
from aeroseg.serving.scenes import Scenes
from aeroseg.vocabulary import Vocabulary

LISTS = (
    'building; road',
    'building, house; road, street; tree; water; car',
    'roof; asphalt; tree; grass; bare soil; car; truck; pool; shadow; court; '
    'field; path; fence; container; sand',
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('scene', help='a raster file')
    parser.add_argument('--crop', type=rectangle, default=(0, 0, 1000, 700))
    parser.add_argument('--scale', type=number(above=0))
    parser.add_argument('--memory', type=number(at_least=0), default=2)
    parser.add_argument('--threads', type=integer(1), default=1)
    parser.add_argument('--amp', action='store_true')
    return parser.parse_args()


def main() -> None:
    """Measure."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    predictor = Predictor(args.config, amp=args.amp)
    options = SceneOptions(
        predictor.tiling, scale=args.scale or predictor.scale
    )
    with tempfile.TemporaryDirectory() as folder:
        scenes = Scenes([args.scene], Path(folder) / 'uploads')
        limit = int(args.memory * 2**30)
        answerer = Answerer(predictor, scenes, options, limit)
        # The first words of all also load libraries.
        ask(answerer, folder, 'warm; up', (0, 0, 64, 64))
        print('words  seconds  ratio  kept MiB')
        first = 0.0
        for words in LISTS:
            seconds = ask(answerer, folder, words, args.crop)
            first = first or seconds
            kept = answerer.memory.size / 2**20
            count = len(Vocabulary.parse(words))
            print(
                f'{count:5d} {seconds:8.2f} {seconds / first:6.2f} {kept:9.0f}'
            )


def ask(
    answerer: Answerer, folder: str, words: str, crop: tuple[int, ...]
) -> float:
    """Seconds until the files of a question are complete."""
    scene = answerer.scenes.names[0]
    question = Question(scene, Vocabulary.parse(words), crop)
    name = f'{len(words)}'
    job = Job(name, Path(folder) / name, question)
    started = time.perf_counter()
    answerer.run(job)
    return time.perf_counter() - started


if __name__ == '__main__':
    run_tool(main)
