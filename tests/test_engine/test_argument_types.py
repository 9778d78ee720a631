# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Naming the argument whose value has the wrong type."""

from collections.abc import Sequence

from mmseg.registry import MODELS

from aeroseg.engine.argument_types import wrong_types


@MODELS.register_module()
class TypedPart:
    """Has arguments of every kind that is looked at."""

    def __init__(
        self,
        width: int,
        rate: float = 0.1,
        name: str | None = None,
        sizes: int | Sequence[int] = 3,
        free=None,  # noqa: ANN001
    ) -> None:
        self.arguments = width, rate, name, sizes, free


def test_the_argument_is_named_with_its_place() -> None:
    config = {
        'model': {
            'parts': [
                {'type': 'TypedPart', 'width': 3, 'rate': 1},
                {'type': 'TypedPart', 'width': 'a lot', 'name': 4},
            ]
        }
    }

    assert list(wrong_types(config)) == [
        "model.parts.1.width is 'a lot', must be int",
        'model.parts.1.name is 4, must be str or None',
    ]


def test_what_has_no_plain_annotation_is_not_judged() -> None:
    part = {'type': TypedPart, 'width': 2, 'sizes': 'x', 'free': object()}

    assert not list(wrong_types({'part': part, 'other': {'type': 'Unknown'}}))
