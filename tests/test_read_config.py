# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reading config files."""

from pathlib import Path

import pytest
from mmengine.config import Config

from aeroseg.read_config import check_options, read_config

CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def test_values_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / 'c.py'
    path.write_text('model = dict(a=1, b=dict(c=2))')
    config = read_config(path, {'model.b.c': 3})
    assert config.model == {'a': 1, 'b': {'c': 3}}


def test_other_files_are_no_config(tmp_path: Path) -> None:
    for name, text in (('a.txt', 'hello'), ('b.py', 'model = dict(')):
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=f'{name} is not a config'):
            read_config(tmp_path / name)


def test_config_may_be_read_already() -> None:
    config = Config({'model': {}})
    assert read_config(config) is config


def test_a_config_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match='no config nowhere'):
        read_config('nowhere.py')


@pytest.mark.parametrize(
    'base',
    [
        'mmseg::_base_/models/segformer_mit-b0.py',
        'mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py',
        'mmpretrain::resnet/resnet18_8xb32_in1k.py',
    ],
)
def test_a_config_may_inherit_from_an_installed_package(
    tmp_path: Path, base: str
) -> None:
    path = tmp_path / 'c.py'
    path.write_text(f'_base_ = {base!r}')
    assert read_config(path).model.backbone


@pytest.mark.parametrize(
    ('base', 'message'),
    [
        (
            'mmseg::segformer/segformer_mit-b9.py',
            r'segformer/segformer_mit-b9.py" does not exist. Installed are '
            r'the configs in .*, such as .*segformer_mit-b\d',
        ),
        ('mmdet3d::votenet/x.py', 'mmdet3d is not installed.*must be inst'),
        ('unknown::a/b.py', 'not support to load unknown config.*must be'),
    ],
)
def test_a_config_that_is_not_installed(
    tmp_path: Path, base: str, message: str
) -> None:
    path = tmp_path / 'c.py'
    path.write_text(f'_base_ = {base!r}')
    with pytest.raises(ValueError, match=message):
        read_config(path)


@pytest.mark.parametrize(
    ('key', 'hint'),
    [
        ('train_cfgg.max_iters', 'did you mean train_cfg'),
        ('train_cfg.max_iterss', 'did you mean train_cfg.max_iters'),
        ('trian_dataloader.batch_size', 'did you mean train_dataloader'),
        (
            'train_dataloader.dataset.data_rot',
            'did you mean train_dataloader.dataset.data_root',
        ),
        ('model.neck.embed_dim', 'did you mean model.neck.embed_dims'),
        ('resum', 'did you mean resume'),
        ('model.nothing.at.all', "no key 'nothing' in model"),
        ('custom_hooks.99.sample', "no key '99' in custom_hooks"),
        ('load_from.x', 'which has no'),
        ('', 'no key'),
    ],
)
def test_mistyped_keys_are_refused(root: Path, key: str, hint: str) -> None:
    config = read_config(root / CONFIG)
    with pytest.raises(ValueError, match=rf'--cfg-options {key}: .*{hint}'):
        read_config(root / CONFIG, {key: 1})
    assert config.to_dict() == read_config(root / CONFIG).to_dict()


@pytest.mark.parametrize(
    'key',
    [
        'train_cfg.max_iters',
        'model.backbone.with_cp',
        'model.test_cfg.keep_logits',
        'custom_hooks.0.priority',
        'default_hooks.early_stopping',
        'compile',
        'find_unused_parameters',
        'load_from',
        'train_dataloader.prefetch_factor',
        'optim_wrapper.accumulative_counts',
    ],
)
def test_what_something_reads_may_be_new(root: Path, key: str) -> None:
    check_options(read_config(root / CONFIG).to_dict(), {key: 1})
