# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The cross-dataset protocols: how images are resized and cut at test."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name('protocols.json')


@dataclass(frozen=True)
class Protocol:
    """What a protocol fixes for all its test sets.

    The words, classes, splits and thresholds are those of each set
    (:class:`.benchmark.Wording`).

    Attributes:
        name (str): Short name, such as 'ovrsisbench-v1'.
        title (str): Who trains on what and tests on what.
        published (str | None): Name of the protocol in the file of published
            results; None where there are none.
        resize (Mapping | None): The transform that resizes an image; None
            for that of the config.
        test_cfg (Mapping | None): Inference mode of the model; None for that
            of the config.
        source (str | None): Where the settings were read.
    """

    name: str
    title: str
    published: str | None
    resize: Mapping[str, Any] | None
    test_cfg: Mapping[str, Any] | None
    source: str | None


@cache
def protocols() -> Mapping[str, Protocol]:
    """All protocols by name; 'own' first."""
    content = json.loads(_FILE.read_text(encoding='utf-8'))
    return {name: Protocol(name, **entry) for name, entry in content.items()}


def load_protocol(name: str) -> Protocol:
    """One protocol.

    Raises:
        ValueError: If there is no such protocol.
    """
    if name not in protocols():
        raise ValueError(
            f'no protocol {name!r}; known are {", ".join(protocols())}'
        )
    return protocols()[name]
