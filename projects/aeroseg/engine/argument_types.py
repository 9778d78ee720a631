# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Finds the argument of a config whose value has the wrong type."""

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine import registry as registries
from mmengine.registry import Registry

_PLAIN = (int, float, bool, str)


def wrong_types(config: Mapping, path: str = '') -> Iterator[str]:
    """Compare the values of a config with the annotations of its classes.

    Only arguments that are annotated as a number, a string or a boolean (or
    None) are compared; it serves to explain a failure, not to find every one.

    Args:
        config (Mapping): A config or a part of it.
        path (str): Where the part stands, such as 'model.neck'.

    Yields:
        str: Such as "model.neck.embed_dims is 'a lot', must be int".
    """
    expected = _expected(config.get('type'))
    for key, value in config.items():
        place = f'{path}.{key}' if path else str(key)
        allowed = expected.get(key)
        if allowed and not _fits(value, allowed):
            names = ' or '.join(
                'None' if kind is types.NoneType else kind.__name__
                for kind in allowed
            )
            yield f'{place} is {value!r}, must be {names}'
        yield from _inside(value, place)


def _inside(value: object, place: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from wrong_types(value, place)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _inside(item, f'{place}.{index}')


def _fits(value: object, allowed: tuple[type, ...]) -> bool:
    if isinstance(value, int) and float in allowed:
        return True
    return isinstance(value, allowed)


def _expected(kind: object) -> dict[str, tuple[type, ...]]:
    """The plain types of a class's arguments, by argument."""
    found: Any = kind
    if isinstance(kind, str):
        found = next(
            (
                registry.module_dict[kind]
                for registry in _all_registries()
                if kind in registry.module_dict
            ),
            None,
        )
    if not inspect.isclass(found):
        return {}
    try:
        hints = typing.get_type_hints(found.__init__)
    except (NameError, TypeError, AttributeError):
        return {}
    expected = {}
    for name, hint in hints.items():
        union = typing.get_origin(hint) in (typing.Union, types.UnionType)
        kinds = typing.get_args(hint) if union else (hint,)
        if all(k in (*_PLAIN, types.NoneType) for k in kinds):
            expected[name] = tuple(kinds)
    return expected


def _all_registries() -> Iterator[Registry]:
    for found in vars(registries).values():
        if isinstance(found, Registry):
            yield found
            yield from found.children.values()
