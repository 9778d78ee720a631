# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From a config file and a command line to a run."""

import argparse
import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmseg.registry import DATASETS, HOOKS, MODELS

from aeroseg.checkpoints.model_folder import open_model_folder
from aeroseg.checkpoints.read import existing_file
from aeroseg.read_config import read_config

from .closed_set import check_config
from .run import building

# The least value of whole numbers that mmengine checks late or not at all.
_LEAST = {
    'train_cfg.max_iters': 1,
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    **{
        f'{name}_dataloader.{key}': least
        for name in ('train', 'val', 'test')
        for key, least in (('batch_size', 1), ('num_workers', 0))
    },
}


class ConfigOptions(DictAction):
    """`KEY=VALUE`, with a sentence about what is neither."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Read the words that were given."""
        for word in values:
            key, equals, _ = word.partition('=')
            if not key or not equals:
                parser.error(f'{option_string} {word}: give it as KEY=VALUE')
        try:
            super().__call__(parser, namespace, values, option_string)
        except (AssertionError, ValueError) as error:
            given = ' '.join(values)
            parser.error(f'{option_string} {given}: {error}')


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every tool that reads a config."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config, for example '
        'train_dataloader.batch_size=2 model.guidance_encoder.arch=vit_b',
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share."""
    add_config_arguments(parser)
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='show on the console what is in the log file: environment, '
        'config, hooks, every value of a step',
    )
    parser.add_argument(
        '--work-dir',
        help='folder for logs, checkpoints and results; '
        'default: work_dirs/<name of the config>',
    )
    parser.add_argument(
        '--hook',
        nargs='+',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help='add a hook to custom_hooks of the config, for example --hook '
        'type=EMAHook momentum=0.0002; may be given several times '
        '(--cfg-options custom_hooks=... would replace them all)',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='how several processes were started; tools/dist_train.sh and '
        'tools/dist_test.sh set it',
    )
    parser.add_argument(
        '--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS
    )


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the command line.

    Raises:
        FileNotFoundError: If there is no such config.
        ValueError: If it is not a config.
    """
    config = read_config(args.config, args.cfg_options)
    _check_parts(config)
    _check_numbers(config)
    for words in args.hook:
        config.setdefault('custom_hooks', []).append(_hook(words))
    config.launcher = args.launcher
    if args.local_rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    config.work_dir = work_dir_of(args, config)
    if args.launcher != 'none':
        _prepare_processes(config)
    return config


def work_dir_of(args: argparse.Namespace, config: Config) -> str:
    """The folder of a run.

    Args:
        args (argparse.Namespace): The command line.
        config (Config): The config it names.
    """
    default = Path('work_dirs') / Path(args.config).stem
    return args.work_dir or config.get('work_dir') or str(default)


def _check_parts(config: Config) -> None:
    """The parts that every tool needs."""
    for name in ('model', 'train_dataloader', 'test_dataloader'):
        part = config.get(name)
        key = 'type' if name == 'model' else 'dataset'
        if name != 'model' and part is None:
            continue
        if not isinstance(part, Mapping) or key not in part:
            raise ValueError(
                f'{config.filename} has no {name}, a dict with {key!r}; it is '
                f'{part!r}. A config of a run inherits from files in '
                'configs/_base_ or has all their parts'
            )


def _check_numbers(config: Config) -> None:
    for key, least in _LEAST.items():
        section, name = key.split('.')
        value = (config.get(section) or {}).get(name, least)
        if not isinstance(value, int) or value < least:
            raise ValueError(
                f'{key} is {value!r}; it must be a whole number of at least '
                f'{least}'
            )


def _hook(words: list[str]) -> dict[str, Any]:
    """A hook from the words of --hook."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--hook', nargs='+', action=DictAction)
    wrong = [word for word in words if '=' not in word]
    hook = {} if wrong else parser.parse_args(['--hook', *words]).hook
    name = hook.get('type')
    if name is None:
        raise ValueError(
            f'--hook {" ".join(words)}: give KEY=VALUE pairs and the type '
            'among them, for example --hook type=EMAHook momentum=0.0002'
        )
    if HOOKS.get(name) is None:
        known = {*HOOKS.module_dict, *HOOKS.parent.module_dict}
        near = difflib.get_close_matches(name, known, 3, 0.4)
        raise ValueError(
            f'--hook type={name}: there is no such hook; similar are '
            f'{", ".join(near) or sorted(known)}. A hook of your own needs '
            'custom_imports in the config (docs/adding.md)'
        )
    return hook


def _prepare_processes(config: Config) -> None:
    """Several processes without a GPU: gloo, and DDP without device ids.

    mmengine needs a CUDA device when it creates the process group, so the
    group is created here.
    """
    if config.launcher == 'pytorch' and 'RANK' not in os.environ:
        raise ValueError(
            '--launcher pytorch: this process was not started by torchrun '
            '(RANK is not set). Use tools/dist_train.sh or tools/dist_test.sh'
        )
    if torch.cuda.is_available() or 'RANK' not in os.environ:
        return
    torch.distributed.init_process_group('gloo')
    config.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        'device_ids': None,
    }


def needs_training(config: Config) -> bool:
    """Whether the model of a config means nothing without a checkpoint."""
    model = MODELS.get(config.model.type)
    return getattr(model, 'needs_training', True)


def set_checkpoint(config: Config, checkpoint: str | None) -> None:
    """Let the runner start from a checkpoint, if the model needs one.

    Args:
        config (Config): The whole config; ``load_from`` is set.
        checkpoint (str | None): Local file; or a model folder, whose model
            replaces the config's. Inference stays as the config says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If none is given, and the model needs training; or the
            folder is damaged.
    """
    if checkpoint and Path(checkpoint).is_dir():
        try:
            found = open_model_folder(checkpoint)
        except ValueError as error:
            raise ValueError(
                f'{checkpoint} is no checkpoint but a folder: {error}'
            ) from error
        inference = config.model.get('test_cfg')
        config.model = found.config.model
        if inference is not None:
            config.model.test_cfg = inference
        config.load_from = str(found.weights)
    elif checkpoint:
        config.load_from = str(existing_file(checkpoint))
    elif needs_training(config):
        raise ValueError(
            f'{config.model.type} needs training: give the checkpoint after '
            'the config'
        )


def set_outputs(
    config: Config, label_dir: str | None, result_file: str | None
) -> None:
    """Where a test writes label images and scores.

    Args:
        config (Config): The whole config; its test metrics change.
        label_dir (str | None): Folder for an image of ids per image.
        result_file (str | None): JSON file for the scores.

    Raises:
        ValueError: If the folder is named like a JSON file, or there is no
            metric that writes scores.
    """
    metrics = config.get('test_evaluator') or []
    metrics = metrics if isinstance(metrics, list) else [metrics]
    if label_dir and Path(label_dir).suffix == '.json':
        raise ValueError(
            f'--out {label_dir}: --out is a folder for label images; the '
            f'scores go to --result {label_dir}'
        )
    if label_dir and metrics:
        metrics[0]['output_dir'] = label_dir
    if result_file:
        ours = [m for m in metrics if m['type'] == 'OpenVocabIoUMetric']
        if not ours:
            raise ValueError(
                f'--result {result_file}: test_evaluator of the config has '
                "no type='OpenVocabIoUMetric', which writes it"
            )
        ours[0]['result_file'] = result_file


def check_datasets(config: Config, loaders: list[str]) -> None:
    """Build the datasets once, before anything is written.

    Args:
        config (Config): The whole config.
        loaders (list[str]): Names such as 'train_dataloader'.

    Raises:
        FileNotFoundError: If data are missing.
        ValueError: If classes or files have faults, or a closed-set model
            would be scored on classes with other ids.
    """
    check_config(config)
    for name in loaders:
        loader = config.get(name)
        if loader:
            with building(config):
                DATASETS.build(loader['dataset'])
