# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Where windows and tiles begin along one side of an image."""

from typing import Literal, get_args

EndRule = Literal['drop', 'pad', 'clamp']
END_RULES: tuple[EndRule, ...] = get_args(EndRule)


def starts_by_stride(
    length: int, size: int, stride: int, rule: EndRule = 'clamp'
) -> list[int]:
    """Starts at a fixed distance; a rule says what happens at the end.

    Used for the tiles of datasets, and with 'clamp' for the windows of
    CAT-Seg and OVRS, where the last window overlaps its neighbour more.

    Args:
        length (int): Length of the side, px.
        size (int): Length of a window, px.
        stride (int): Distance between two starts, px.
        rule (EndRule): What happens to the remainder at the end: 'drop'
            leaves it out; 'pad' adds a window that extends beyond the edge;
            'clamp' adds a window that ends at the edge and overlaps its
            neighbour. A side shorter than a window gives no window under
            'drop', else one.

    Returns:
        list[int]: Ascending starts, px.

    Raises:
        ValueError: If a length is not positive or the rule is unknown.

    Examples:
        >>> starts_by_stride(1000, 256, 256)
        [0, 256, 512, 744]
    """
    if min(length, size, stride) < 1 or rule not in END_RULES:
        raise ValueError(
            f'cannot tile {length} px with size={size}, stride={stride}, '
            f'rule={rule!r}; lengths are positive, rules are {END_RULES}'
        )
    if length < size:
        return [] if rule == 'drop' else [0]
    found = list(range(0, length - size + 1, stride))
    if found[-1] + size < length and rule != 'drop':
        found.append(length - size if rule == 'clamp' else found[-1] + stride)
    return found


def starts_by_overlap(length: int, size: int, overlap: int) -> list[int]:
    """Starts spread evenly, so that all windows overlap about as much.

    Used for scenes: the first window starts and the last one ends with the
    side, and no two neighbours overlap by less than asked for.

    Args:
        length (int): Length of the side, px.
        size (int): Length of a window, px.
        overlap (int): Smallest overlap of two neighbours, px, below `size`.

    Returns:
        list[int]: Ascending starts, px; the fewest that cover the side. A
        side shorter than a window gives one.

    Raises:
        ValueError: If a length is not positive, or the overlap is not from 0
            to below the size.

    Examples:
        >>> starts_by_overlap(1000, 256, 64)
        [0, 186, 372, 558, 744]
    """
    if min(length, size) < 1 or not 0 <= overlap < size:
        raise ValueError(
            f'cannot cover {length} px with size={size}, overlap={overlap}; '
            'lengths are positive, the overlap is from 0 to below the size'
        )
    if length <= size:
        return [0]
    gaps = -(-(length - size) // (size - overlap))
    return [round(i * (length - size) / gaps) for i in range(gaps + 1)]
