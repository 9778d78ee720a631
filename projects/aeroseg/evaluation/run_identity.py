# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What tells two runs of one config apart."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

# Where a run stands, how it was started, and its seed are no options.
_NOT_OPTIONS = (
    'work_dir', 'launcher', 'load_from', 'resume', 'randomness', 'env_cfg',
    'model_wrapper_cfg', 'experiment_name', 'default_scope', 'visualizer',
    'vis_backends', 'log_level', 'log_processor', 'default_hooks',
)  # fmt: skip


def changed_options(config: Config) -> dict[str, str]:
    """Values that differ from those of the config's file.

    Args:
        config (Config): As it is run.

    Returns:
        dict[str, str]: New values as text by dotted key, sorted; 'absent'
        for a key that was taken away. Seed, work dir, launcher, hooks and
        logging do not count. Empty if the config has no file.
    """
    if not config.filename or not Path(config.filename).is_file():
        return {}
    first = _flat(Config.fromfile(config.filename).to_dict())
    now = _flat(config.to_dict())
    return {
        key: now.get(key, 'absent')
        for key in sorted({*first, *now})
        if first.get(key) != now.get(key)
        and key.split('.')[0] not in _NOT_OPTIONS
        and not key.endswith('.result_file')
    }


def describe_training(runner: Runner) -> dict[str, Any]:
    """What a checkpoint says about the training that made it.

    Args:
        runner (Runner): The run, after its training loop was built.

    Returns:
        dict: 'options' (:func:`changed_options`), 'processes', 'batch':
        images per step of the optimizer, over all processes and accumulated
        passes; and 'trained_parameters', how many numbers are trained.
    """
    loader = runner.train_dataloader
    passes = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    return {
        'options': changed_options(runner.cfg),
        'processes': runner.world_size,
        'batch': loader.batch_size * runner.world_size * passes,
        'trained_parameters': sum(
            weight.numel()
            for weight in runner.model.parameters()
            if weight.requires_grad
        ),
    }


def dataset_settings(root: str | Path | None) -> dict[str, Any] | None:
    """How the converter made a dataset, such as DLRSD's variant.

    Args:
        root (str | Path | None): Folder of the dataset.

    Returns:
        dict | None: The settings in its ``manifest.json``, if there is one.
    """
    path = Path(root or '') / 'manifest.json'
    if not root or not path.is_file():
        return None
    return json.loads(path.read_text(encoding='utf-8')).get('settings')


def _flat(value: Any, prefix: str = '') -> dict[str, str]:
    if isinstance(value, Mapping) and value:
        parts: dict[str, str] = {}
        for key, entry in value.items():
            parts |= _flat(entry, f'{prefix}.{key}' if prefix else str(key))
        return parts
    if isinstance(value, tuple):
        value = list(value)
    return {prefix: repr(value)}
