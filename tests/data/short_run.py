# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A run in the generated world of a few seconds."""

from pathlib import Path

from mmengine.config import Config

from aeroseg.read_config import read_config


def short_world_run(path: str, work_dir: Path) -> Config:
    """A config of configs/demo for two steps on few, small scenes."""
    config = read_config(path)
    loader = {'num_workers': 0, 'persistent_workers': False}
    for name, length in (('train', 4), ('val', 2), ('test', 2)):
        config[f'{name}_dataloader'].update(loader, batch_size=2)
        config[f'{name}_dataloader'].dataset.update(length=length, size=64)
    config.train_cfg.update(max_iters=2, val_interval=2)
    config.work_dir = str(work_dir)
    config.experiment_name = f'short {Path(path).stem}'
    return config
