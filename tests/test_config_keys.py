# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Keys of --cfg-options, mistyped and new."""

from pathlib import Path

import pytest

from aeroseg.config_keys import check_options
from aeroseg.read_config import read_config

CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


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
