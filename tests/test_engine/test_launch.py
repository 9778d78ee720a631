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


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['train_cfg.max_iters=0'], 'max_iters is 0; .* at least 1'),
        (['train_cfg.max_iters=many'], "max_iters is 'many'"),
        (['val_dataloader.num_workers=-1'], 'num_workers is -1'),
        (['model=3'], "has no model, a dict with 'type'"),
    ],
)
def test_impossible_values_name_their_key(
    root: Path, options: list[str], said: str
) -> None:
    args = parse(str(root / CONFIG), '--cfg-options', *options)
    with pytest.raises(ValueError, match=said):
        load_config(args)


@pytest.mark.parametrize('word', ['train_cfg.max_iters', '=3', 'a=[1,('])
def test_options_that_are_no_options(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(CONFIG, '--cfg-options', word)
    assert caught.value.code == 2
    assert f'--cfg-options {word}: ' in capsys.readouterr().err


def test_a_launcher_without_processes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('RANK', raising=False)
    args = parse(str(root / CONFIG), '--launcher', 'pytorch')
    with pytest.raises(ValueError, match=r'tools/dist_train\.sh'):
        load_config(args)
