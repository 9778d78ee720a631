# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reads config files for all tools and the predictor."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings


def read_config(
    config: str | Path | Config, options: Mapping[str, Any] | None = None
) -> Config:
    """Read a config, change it, and register what it names.

    Args:
        config (str | Path | Config): File, or a config that is read already.
        options (Mapping, optional): Values to replace, by dotted keys.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a config.
    """
    if not isinstance(config, Config):
        if not Path(config).is_file():
            raise FileNotFoundError(
                f'there is no config {config}; '
                'the configs of AerOSeg are in configs/'
            )
        try:
            config = Config.fromfile(config)
        except (OSError, SyntaxError) as error:
            raise ValueError(f'{config} is not a config: {error}') from error
    if options:
        config.merge_from_dict(dict(options))
    if config.get('custom_imports'):
        import_modules_from_strings(**config.custom_imports)
    init_default_scope(config.get('default_scope', 'mmseg'))
    return config
