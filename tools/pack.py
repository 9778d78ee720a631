# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Pack a trained model into a folder that can be shared.

The folder holds the weights (safetensors), the config and the vocabulary as
JSON, and a model card. Nothing in it is executed when it is opened.

Examples:
  python tools/pack.py work_dirs/NAME/iter_10000.pth my-model
  python tools/pack.py CHECKPOINT my-model --config CONFIG --gsd 0.3 \
--result work_dirs/NAME/TIME/test_iter_10000.json

Use it with:
  python tools/predict.py scene.tif --model my-model --classes "..." --out out
"""

import argparse
from pathlib import Path
from typing import Any

from aeroseg.apis import Predictor
from aeroseg.checkpoints.model_card import (
    WORLD_LICENCE,
    Facts,
    initial_weights,
)
from aeroseg.checkpoints.model_folder import write_model_folder
from aeroseg.checkpoints.read import read_checkpoint, weights_of
from aeroseg.command_line import ToolParser, as_called, number, run_tool
from aeroseg.datasets.cross.benchmark import BENCHMARKS, load_benchmark
from aeroseg.evaluation.result_file import read_result


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(__doc__)
    parser.add_argument('checkpoint', help='checkpoint file of a training')
    parser.add_argument('folder', type=Path, help='folder to make')
    parser.add_argument(
        '--config', help='default: the config file next to the checkpoint'
    )
    parser.add_argument('--name', help="title of the card; default: folder's")
    parser.add_argument(
        '--gsd',
        type=number(above=0),
        help='ground resolution of the training images, metres per pixel',
    )
    parser.add_argument(
        '--result',
        type=Path,
        help='result file of tools/test.py, for the card; default: the '
        'newest test_<checkpoint>.json below the folder of the checkpoint',
    )
    parser.add_argument(
        '--data-licence', help='licence of the training data, for the card'
    )
    return parser.parse_args()


def find_result(checkpoint: Path, given: Path | None) -> Path | None:
    """The result file of a checkpoint."""
    if given is not None:
        return given
    name = f'*/test_{checkpoint.stem}.json'
    found = sorted(
        checkpoint.parent.glob(name), key=lambda path: path.stat().st_mtime
    )
    return found[-1] if found else None


def read_scores(path: Path) -> dict[str, Any]:
    """Read a result file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file.
    """
    try:
        return read_result(path)
    except ValueError as error:
        raise ValueError(
            f'{path} is no result file of tools/test.py: {error}'
        ) from error


def licence_of(dataset: str) -> str | None:
    """Licence of a registered dataset's data, where it is known."""
    if dataset == 'WorldDataset':
        return WORLD_LICENCE
    for benchmark in map(load_benchmark, BENCHMARKS):
        if benchmark.dataset_class == dataset:
            return f'{benchmark.dataset}: {benchmark.licence}'
    return None


def main() -> None:
    """Pack."""
    args = parse_args()
    checkpoint = Path(args.checkpoint)
    # Builds the model and loads the weights: what does not fit is not packed.
    predictor = Predictor(args.config, checkpoint, device='cpu')
    config = predictor.config
    loader = config.get('train_dataloader') or {}
    dataset = str((loader.get('dataset') or {}).get('type', ''))
    result = find_result(checkpoint, args.result)
    facts = Facts(
        name=args.name or args.folder.resolve().name,
        gsd=args.gsd,
        data_licence=args.data_licence or licence_of(dataset),
        weights=initial_weights(config.model),
        result=read_scores(result) if result else None,
        result_name=result.name if result else '',
    )
    weights = weights_of(read_checkpoint(checkpoint))
    write_model_folder(weights, config, predictor.trained, args.folder, facts)
    for path in sorted(args.folder.iterdir()):
        print(f'{path.stat().st_size / 2**20:9.1f} MiB  {path}')
    if result:
        print(f'scores of the card: {result}')
    use = f'python tools/predict.py IMAGE --model {args.folder} --out DIR'
    print(as_called(f'use it: {use}'))


if __name__ == '__main__':
    run_tool(main)
