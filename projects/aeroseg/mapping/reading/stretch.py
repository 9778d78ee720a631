# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""From sensor values to the 0-255 that the model was trained on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stretch:
    """A linear map per band, the same for every window of a scene.

    Attributes:
        low (tuple[float, ...]): Value per band that becomes 0.
        high (tuple[float, ...]): Value per band that becomes 255.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Stretch (C, H, W) values of any type to uint8, clipped."""
        low = np.asarray(self.low, np.float32)[:, None, None]
        high = np.asarray(self.high, np.float32)[:, None, None]
        scaled = (values.astype(np.float32) - low) * (255 / (high - low))
        # Pixels without data may hold nan or infinity; they become 0.
        scaled = np.nan_to_num(scaled, nan=0, posinf=255, neginf=0)
        return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)

    def describe(self) -> str:
        """One line for the user."""
        pairs = zip(self.low, self.high, strict=True)
        ranges = ', '.join(f'{low:g} to {high:g}' for low, high in pairs)
        return f'values are stretched per band: {ranges} become 0 to 255'


def make_stretch(
    rule: str, sample: np.ndarray, valid: np.ndarray
) -> Stretch | None:
    """Choose the stretch of a scene.

    Args:
        rule (str): 'auto': none for 8-bit values, else the 2nd to the 98th
            percentile of each band; 'none'; 'minmax'; 'percentile:P' for the
            P-th to the (100 - P)-th; or 'LOW,HIGH' in the units of the file.
        sample (np.ndarray): (C, h, w) values from all over the scene.
        valid (np.ndarray): (h, w) bool.

    Returns:
        Stretch | None: None if values are used as they are.

    Raises:
        ValueError: If the rule is unknown, or 'none' is given for values
            that are not 8-bit.
    """
    eight_bit = sample.dtype == np.uint8
    if rule == 'none' and not eight_bit:
        raise ValueError(
            f'stretch "none" needs 8-bit values, the file holds '
            f'{sample.dtype}; use "auto" or "LOW,HIGH", such as "0,3000"'
        )
    if rule == 'none' or (rule == 'auto' and eight_bit):
        return None
    if rule in ('auto', 'minmax') or rule.startswith('percentile:'):
        tail = {'auto': 2.0, 'minmax': 0.0}.get(rule)
        tail = _number(rule.partition(':')[2], rule) if tail is None else tail
        if not 0 <= tail < 50:
            raise ValueError(f'percentile {tail} is not from 0 to below 50')
        values = [_finite(band, valid) for band in sample]
        ends = [np.percentile(v, (tail, 100 - tail)) for v in values]
        return _checked([e[0] for e in ends], [e[1] for e in ends])
    numbers = [_number(text, rule) for text in rule.split(',')]
    if len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise ValueError(f'stretch {rule!r} is not "LOW,HIGH" with LOW < HIGH')
    count = len(sample)
    return Stretch((numbers[0],) * count, (numbers[1],) * count)


def _finite(band: np.ndarray, valid: np.ndarray) -> np.ndarray:
    values = band[valid & np.isfinite(band)]
    return values if values.size else np.zeros(1, np.float32)


def _checked(low: Sequence[float], high: Sequence[float]) -> Stretch:
    # A constant band must not be divided by zero.
    safe = [h if h > l else l + 1 for l, h in zip(low, high, strict=True)]  # noqa: E741
    return Stretch(tuple(map(float, low)), tuple(map(float, safe)))


def _number(text: str, rule: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(
            f'unknown stretch {rule!r}; allowed are "auto", "none", "minmax", '
            '"percentile:2" and "LOW,HIGH"'
        ) from None
    if not math.isfinite(number):
        raise ValueError(
            f'stretch {rule!r} holds {number}; give finite numbers, such as '
            '"0,3000"'
        )
    return number
