# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""A sentence about a dataset."""

from dataclasses import dataclass
from typing import Literal

Level = Literal['error', 'warning', 'note']


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        level (Level): 'error': training would fail or learn nonsense;
            'warning': the score means less than it seems; 'note': good to
            know.
        text (str): The finding, one sentence.
        cure (str): What to do; empty where nothing needs doing.
    """

    level: Level
    text: str
    cure: str = ''

    def __str__(self) -> str:
        return f'{self.text}. {self.cure}'.rstrip(' .') + '.'
