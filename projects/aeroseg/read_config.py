# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reads config files for all tools and the predictor."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings

from .config_keys import check_options


def read_config(
    config: str | Path | Config, options: Mapping[str, Any] | None = None
) -> Config:
    """Read a config, change it, and register what it names.

    Args:
        config (str | Path | Config): File, or a config that is read already.
        options (Mapping, optional): Values to replace, by dotted keys.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a config, inherits from one that is not
            installed, or an option names a key that does not exist.
    """
    if not isinstance(config, Config):
        config = _read(Path(config))
    if options:
        check_options(config.to_dict(), options)
        config.merge_from_dict(dict(options))
    if config.get('custom_imports'):
        import_modules_from_strings(**config.custom_imports)
    init_default_scope(config.get('default_scope', 'mmseg'))
    return config


def _read(path: Path) -> Config:
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no config {path}; '
            'the configs of AerOSeg are in configs/'
        )
    try:
        return Config.fromfile(path)
    except FileNotFoundError as error:
        raise ValueError(
            f'{path} is not a config: {error}{_similar(str(error))}'
        ) from error
    except (ImportError, AssertionError) as error:
        reason = str(error).rstrip('.')
        raise ValueError(
            f'{path} is not a config: {reason}. If it inherits from '
            "another package, as _base_ = 'mmseg::segformer/NAME.py' does, "
            'that package must be installed; mmseg and mmpretrain are'
        ) from error
    except OSError:
        raise  # of the system, such as a full disk
    except Exception as error:  # a config is a program
        raise ValueError(
            f'{path} is not a config: {error} ({type(error).__name__})'
        ) from error


def _similar(message: str) -> str:
    """Installed configs with a name like the one that was not found."""
    wanted = Path(message.partition('"')[2].partition('"')[0])
    folder = next((p for p in wanted.parents if p.name == 'configs'), None)
    if folder is None or folder.parent.name != '.mim':
        return ''
    found = {p.stem: p.relative_to(folder) for p in folder.rglob('*.py')}
    close = difflib.get_close_matches(wanted.stem, found, 3, 0.3)
    return (
        f'. Installed are the configs in {folder}, such as '
        f'{", ".join(str(found[name]) for name in close)}'
    )
