# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The grid of pixels that the model sees of a scene."""

from .remote_scene import Scene

_LARGEST = 64  # enlargement for the model that may be meant

Size = tuple[int, int]  # (H, W) in pixels


def scaled(shape: Size, down: float, across: float | None = None) -> Size:
    """A size (H, W) times a factor per side, at least one pixel.

    Args:
        shape (tuple[int, int]): (H, W).
        down (float): Factor of H.
        across (float | None): Factor of W; None takes that of H.

    Raises:
        ValueError: If a factor is not above 0 and at most 64.
    """
    factors = down, down if across is None else across
    if not all(0 < factor <= _LARGEST for factor in factors):
        raise ValueError(
            f'a scene would be enlarged {max(factors):g} times for the model; '
            f'allowed are factors above 0 and up to {_LARGEST}. Check the '
            'scale (--scale), and the ground resolution in metres per pixel '
            '(--gsd)'
        )
    height, width = shape
    return max(1, round(height * factors[0])), max(
        1, round(width * factors[1])
    )


def shrunk(shape: Size, max_side: int) -> Size:
    """A size (H, W) of the same proportions with no side over `max_side`.

    Args:
        shape (tuple[int, int]): (H, W).
        max_side (int): Pixels. A smaller scene is not enlarged.
    """
    return scaled(shape, min(1.0, max_side / max(shape)))


def model_grid(
    path: Scene,
    shape: Size,
    resolution: tuple[float, float] | None,
    gsd: float | None = None,
    scale: float = 1.0,
) -> Size:
    """The size at which the model sees a file.

    Args:
        path (Scene): The file, for the message.
        shape (tuple[int, int]): Its (H, W).
        resolution (tuple[float, float] | None): Metres on the ground per
            pixel, down and across; None if unknown.
        gsd (float | None): Metres per pixel that the model was trained on;
            None takes the pixels of the file as they are.
        scale (float): Pixels the model sees per pixel of that resolution.

    Returns:
        tuple[int, int]: (H', W').

    Raises:
        ValueError: If the ground resolution is not above 0, or that of the
            file is unknown; or if the scene would be enlarged more than 64
            times.
    """
    if gsd is None:
        return scaled(shape, scale)
    if resolution is None or not gsd > 0:
        raise ValueError(
            f'{path} cannot be resampled to a ground resolution of {gsd} m: '
            'this needs a georeferenced file and a number above 0. Resize an '
            'ordinary image before the prediction'
        )
    down, across = resolution
    return scaled(shape, scale * down / gsd, scale * across / gsd)
