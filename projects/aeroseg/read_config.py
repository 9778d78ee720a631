# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Reads config files for all tools and the predictor."""

import difflib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings

# What comes with the package, in the checkout and in an installed one.
CONFIGS = (Path(__file__).parent / '.mim' / 'configs').resolve()
# Dicts without a type whose keys are free.
_OPEN = (
    'test_cfg',
    'train_cfg',
    'default_hooks',
    'custom_keys',
    'paramwise_cfg',
    'metainfo',
    'env_cfg',
    'predictor',
    'randomness',
    'data_preprocessor',
    'optimizer',
    'vocabulary',
)
# Read by the tools, by mmengine or by mmseg, besides the runner's arguments.
_TOP = {
    'accelerate',
    'auto_scale_lr',
    'compile',
    'custom_imports',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'predictor',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
    'work_dir',
}


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
        config = _read(config_file(config))
    if options:
        check_options(config.to_dict(), options)
        config.merge_from_dict(dict(options))
    if config.get('custom_imports'):
        import_modules_from_strings(**config.custom_imports)
    init_default_scope(config.get('default_scope', 'mmseg'))
    return config


def config_file(name: str | Path) -> Path:
    """The file of a config that is named on a command line or in code.

    Args:
        name (str | Path): A file; or 'aeroseg::aeroseg/NAME.py', a config
            that comes with the package. 'configs/aeroseg/NAME.py' is that
            too where there is no folder `configs`.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = Path(name)
    scope, _, rest = str(name).partition('::')
    if scope == 'aeroseg' and rest:
        path = CONFIGS / rest
    elif path.parts[:1] == ('configs',) and not Path('configs').exists():
        path = CONFIGS.joinpath(*path.parts[1:])
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no config {name}; the configs of AerOSeg are in '
            'configs/, and `aeroseg configs` lists them'
        )
    return path


def _read(path: Path) -> Config:
    try:
        config = Config.fromfile(path)
        _drop_scope(config._cfg_dict)
        return config
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
    except Exception as error:  # a config is a program
        if getattr(error, 'errno', None) is not None:
            raise  # of the system, such as a full disk
        raise ValueError(
            f'{path} is not a config: {error} ({type(error).__name__})'
        ) from error


def _drop_scope(part: Any) -> None:
    """Parts of ``_base_ = 'aeroseg::...'`` are in mmseg's registries.

    mmengine marks them as those of a package `aeroseg` with registries of its
    own, and then finds none of them.
    """
    if isinstance(part, dict):
        if part.get('_scope_') == 'aeroseg':
            part.pop('_scope_')
        part = list(part.values())
    if isinstance(part, list | tuple):
        for child in part:
            _drop_scope(child)


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


def check_options(config: Mapping, options: Mapping[str, Any]) -> None:
    """Refuse changes that would be ignored because of a typing error.

    A new key is allowed where something reads it: among the arguments of a
    component (a dict with `type`), in `test_cfg` and the like, or at the top
    if mmengine's runner or AerOSeg know it. Anything else, and a new key that
    looks like one that exists, is refused.

    Args:
        config (Mapping): The config before the change.
        options (Mapping[str, Any]): Values by dotted key.

    Raises:
        ValueError: If a key exists neither in the config nor would be read;
            the message names the nearest key that exists.
    """
    for key in options:
        _check_key(config, key)


def _check_key(config: Mapping, key: str) -> None:
    here: Any = config
    parts = key.split('.')
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(here, (list, tuple)):
            if not part.isdigit() or int(part) >= len(here):
                _refuse(key, part, map(str, range(len(here))), parts[:depth])
            here = here[int(part)]
        elif isinstance(here, Mapping):
            if part not in here:
                _check_new(here, key, parts, depth, last)
                return
            here = here[part]
        else:
            raise ValueError(
                f'--cfg-options {key}: {".".join(parts[:depth])} is '
                f'{here!r}, which has no {part!r}'
            )


def _check_new(
    here: Mapping, key: str, parts: list[str], depth: int, last: bool
) -> None:
    part = parts[depth]
    if depth == 0:
        allowed = _TOP | set(inspect.signature(Runner.__init__).parameters)
        if part not in allowed:
            _refuse(key, part, {*here, *allowed}, [])
        return
    twin = difflib.get_close_matches(part, list(here), 1, cutoff=0.85)
    parent = parts[depth - 1]
    free = 'type' in here or parent.endswith('_dataloader')
    free = free or parent in _OPEN
    if twin or not free or not last:
        _refuse(key, part, here, parts[:depth])


def _refuse(
    key: str, part: str, known: Iterable[str], parents: list[str]
) -> None:
    names = sorted(str(name) for name in known)
    near = difflib.get_close_matches(part, names, 3, cutoff=0.5)
    place = '.'.join(parents)
    listed = [f'{place}.{name}' if place else name for name in near or names]
    hint = 'did you mean' if near else 'known are'
    raise ValueError(
        f'--cfg-options {key}: the config has no key {part!r}'
        f'{f" in {place}" if place else ""}; {hint} '
        f'{", ".join(listed[:12])}?'
    )
