# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Refuses changes of a config that would be ignored because of a typing error.

A new key is allowed where something reads it: among the arguments of a
component (a dict with `type`), in `test_cfg` and the like, or at the top if
mmengine's runner or AerOSeg know it. Anything else, and a new key that looks
like one that exists, is refused.
"""

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.runner import Runner

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


def check_options(config: Mapping, options: Mapping[str, Any]) -> None:
    """Look up every key of a command line in the config.

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
