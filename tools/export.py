# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Export a trained model: its image part runs without PyTorch.

The words stay an input. The folder holds image.onnx (images and text features
in, logits out), the text encoder, and the model card; it predicts and is
tested like any model folder, by onnxruntime. Batch and number of classes are
open, the side of the images is fixed.

Examples:
  python tools/export.py my-model my-model-onnx
  python tools/export.py work_dirs/NAME/iter_10000.pth my-model-onnx --side 640
  python tools/export.py my-model my-model-int8 --int8   # smaller, less exact
  python tools/export.py my-model image.pt2              # for torch.export

Use it with:
  python tools/predict.py scene.tif --model my-model-onnx --classes "..." \
--out out
  python tools/test.py CONFIG my-model-onnx
"""

import argparse
from pathlib import Path

import torch

from aeroseg.apis import Predictor
from aeroseg.checkpoints.model_card import Facts
from aeroseg.command_line import ToolParser, as_called, integer, run_tool
from aeroseg.export import export_image_part, write_exported_model
from aeroseg.files import atomic_path


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'model',
        help='a model folder of tools/pack.py, its name on the Hugging Face '
        'hub, or a checkpoint of training',
    )
    parser.add_argument(
        'out',
        type=Path,
        help='folder to make, or a file NAME.pt2 for torch.export',
    )
    parser.add_argument(
        '--config',
        help='of a checkpoint; default: the config file next to it',
    )
    parser.add_argument(
        '--side',
        type=integer(at_least=1),
        metavar='PX',
        help='side of the images; default: of the windows of a scene',
    )
    parser.add_argument(
        '--int8',
        action='store_true',
        help='quantise matrix products; measure what it costs in accuracy',
    )
    return parser.parse_args()


def open_model(args: argparse.Namespace) -> Predictor:
    """The model of the command line, on the CPU."""
    if args.config is None and not Path(args.model).is_file():
        return Predictor.from_pretrained(args.model, device='cpu')
    return Predictor(args.config, args.model, device='cpu')


def main() -> None:
    """Export."""
    args = parse_args()
    as_file = args.out.suffix == '.pt2'
    if as_file and args.int8:
        raise ValueError('--int8 is for ONNX: give a folder, not a .pt2 file')
    predictor = open_model(args)
    side = args.side or predictor.tiling.window
    print(f'exporting for images of {side} x {side} pixels ...', flush=True)
    if as_file:
        program = export_image_part(predictor.model, side)
        with atomic_path(args.out) as part:
            torch.export.save(program, part)
        files = [args.out]
    else:
        write_exported_model(
            predictor.model,
            predictor.config,
            predictor.trained,
            args.out,
            Facts(args.out.resolve().name),
            side,
            args.int8,
        )
        files = sorted(args.out.iterdir())
    for path in files:
        print(f'{path.stat().st_size / 2**20:9.1f} MiB  {path}')
    if not as_file:
        use = f'python tools/predict.py IMAGE --model {args.out} --out DIR'
        print(as_called(f'use it: {use}'))


if __name__ == '__main__':
    run_tool(main)
