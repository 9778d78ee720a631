# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From the command line to a config."""

import argparse
from pathlib import Path

import pytest

from aeroseg.engine.launch import add_arguments, check_datasets, load_config

CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_options_and_work_dir(root: Path) -> None:
    path = str(root / CONFIG)
    config = load_config(parse(path))
    assert config.work_dir == f'work_dirs/{Path(CONFIG).stem}'
    config = load_config(
        parse(path, '--work-dir', 'w', '--cfg-options', 'max_iters=3')
    )
    assert (config.work_dir, config.max_iters) == ('w', 3)


def test_a_missing_config() -> None:
    with pytest.raises(FileNotFoundError, match='the configs of AerOSeg'):
        load_config(parse('nowhere.py'))


def test_faulty_data_are_found(root: Path) -> None:
    config = load_config(parse(str(root / CONFIG)))
    config.train_dataloader.dataset.data_root = 'nowhere'
    with pytest.raises(FileNotFoundError, match='no folder nowhere'):
        check_datasets(config, ['train_dataloader'])
    config.train_dataloader.dataset.classes = ('road', 'moon')
    with pytest.raises(ValueError, match='moon'):
        check_datasets(config, ['train_dataloader'])
