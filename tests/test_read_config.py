# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reading config files."""

from pathlib import Path

import pytest
from mmengine.config import Config

from aeroseg.read_config import read_config


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
