# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Score a model on a mosaic of generated scenes, per overlap and margin.

Windows that overlap more cost more: the model sees some pixels several times.
Prints, per overlap and margin, how many pixels the model sees per pixel of a
large scene, seconds, the scores, and the seams as studies/measure_seams.py
measures them. Windows are as far apart as the overlap says: the mosaic is cut
to a size that they fill. Scores are those of the part that all overlaps have.

Examples:
  python studies/measure_overlap.py --checkpoint CHECKPOINT
  python studies/measure_overlap.py --checkpoint CHECKPOINT --mosaic 4 \
--overlaps 0 32 64 --margins 0 4
"""

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
from rich.progress import track
from seams import measure_seams

from aeroseg.apis import Predictor, Tiling
from aeroseg.command_line import ToolParser, integer, run_tool
from aeroseg.evaluation.scores import open_vocab_means
from aeroseg.mapping.reading.image_source import ArraySource
from aeroseg.mapping.windows.map_rows import map_rows
from aeroseg.mapping.windows.scan import Scan
from aeroseg.vocabulary import Vocabulary
from aeroseg.world import WorldDataset, make_scene

_SERIES = 3  # the scenes that the demo is tested on
_SIDE = 512
_CUT = 100  # px, so that windows do not begin where scenes do


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('--config', help='default: next to the checkpoint')
    parser.add_argument('--checkpoint', required=True)
    parser.add_argument('--device', help='default: a GPU if there is one')
    parser.add_argument(
        '--mosaic', type=integer(2), default=3, help='scenes per side'
    )
    parser.add_argument(
        '--overlaps',
        type=integer(0),
        nargs='+',
        default=[0, 16, 24, 30, 48, 64, 128],
    )
    parser.add_argument(
        '--margins',
        type=integer(0),
        nargs='+',
        help='default: an eighth of the overlap, as in tools/predict.py',
    )
    return parser.parse_args()


def make_mosaic(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Scenes next to each other.

    Args:
        side (int): Scenes per side.

    Returns:
        tuple[np.ndarray, np.ndarray]: (H, W, 3) RGB uint8, and ids (H, W).
    """
    scenes = [
        make_scene(index, _SERIES, _SIDE)
        for index in track(range(side * side), 'drawing')
    ]

    def joined(kind: str) -> np.ndarray:
        parts = [getattr(scene, kind) for scene in scenes]
        rows = [
            np.concatenate(parts[i : i + side], axis=1)
            for i in range(0, side * side, side)
        ]
        return np.concatenate(rows)[_CUT:, _CUT:]

    return np.ascontiguousarray(joined('image')), joined('label')


def main() -> None:
    """Measure."""
    args = parse_args()
    predictor = Predictor(args.config, args.checkpoint, args.device)
    vocabulary = Vocabulary.from_metainfo(WorldDataset.METAINFO)
    asked = predictor.ask(vocabulary)
    image, truth = make_mosaic(args.mosaic)
    window = predictor.tiling.window
    sides = {
        overlap: filled_side(len(image), window, overlap)
        for overlap in args.overlaps
    }
    common = min(sides.values())
    print(f'{common} x {common} pixels are scored, windows of {window}')
    print(
        'overlap  margin  pixels seen  seconds      s      u      h   '
        'contrast  agreement'
    )
    for overlap in args.overlaps:
        for margin in args.margins or [overlap // 8]:
            if 2 * margin <= max(overlap - 1, 0):
                tiling = replace(
                    predictor.tiling, overlap=overlap, margin=margin
                )
                part = image[: sides[overlap], : sides[overlap]]
                scored = truth[:common, :common]
                print(measure(asked, part, scored, tiling), flush=True)


def filled_side(side: int, window: int, overlap: int) -> int:
    """The largest side, up to `side`, that windows fill exactly."""
    step = window - overlap
    return window + (side - window) // step * step


def measure(
    asked: Any, image: np.ndarray, truth: np.ndarray, tiling: Tiling
) -> str:
    """One line."""
    scheme = asked.scheme
    scan = Scan(asked, ArraySource(image), tiling, scheme.num_scores)
    started = time.perf_counter()
    rows = np.concatenate([ids for _, ids, _ in map_rows(scan, scheme)])
    seconds = time.perf_counter() - started
    found = rows[: len(truth), : len(truth)]
    seen = (tiling.window / (tiling.window - tiling.shared)) ** 2
    means = open_vocab_means(
        100 * class_iou(found, truth, len(scheme.vocabulary)),
        scheme.vocabulary.seen,
    )
    seams = measure_seams(asked, image, tiling, scheme.num_scores)
    return (
        f'{tiling.shared:7d} {tiling.discarded:7d} {seen:12.2f} '
        f'{seconds:8.1f} {means["s-mIoU"]:6.2f} {means["u-mIoU"]:6.2f} '
        f'{means["h-mIoU"]:6.2f} {seams.contrast:10.2f} '
        f'{100 * seams.agreement:8.1f} %'
    )


def class_iou(found: np.ndarray, truth: np.ndarray, count: int) -> np.ndarray:
    """IoU of each class over all pixels, (T,); nan for one that is absent."""
    pairs = truth.astype(np.int64) * count + found
    matrix = np.bincount(pairs.ravel(), minlength=count**2).reshape(count, -1)
    both = matrix.sum(axis=0) + matrix.sum(axis=1) - matrix.diagonal()
    present = matrix.sum(axis=1) > 0
    return np.where(present, matrix.diagonal() / np.maximum(both, 1), np.nan)


if __name__ == '__main__':
    run_tool(main)
