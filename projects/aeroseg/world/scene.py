# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""One scene: where things stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aeroseg.world import objects

from .canvas import Canvas, Points
from .ground import lay_fields, lay_road
from .light import develop
from .worlds import WORLDS

_DRAW = {
    'roof': objects.draw_roof,
    'tank': objects.draw_tank,
    'court': objects.draw_court,
    'pool': objects.draw_pool,
    'truck': objects.draw_truck,
    'tree': objects.draw_tree,
}
# Half the side of the square that must be free, px at scale 1.
_ROOM = {
    'roof': 36, 'tank': 30, 'court': 44, 'pool': 25, 'truck': 22, 'tree': 15,
}  # fmt: skip


class Scene(NamedTuple):
    """A generated scene.

    Attributes:
        image (ndarray): (S, S, 3) uint8 RGB.
        label (ndarray): (S, S) uint8 index into the classes; every pixel has
            one.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.uint8]


def make_scene(
    index: int, seed: int = 0, size: int = 256, world: str = 'town'
) -> Scene:
    """Make a scene from its number: the same numbers give the same bytes.

    Args:
        index (int): Which scene, >= 0.
        seed (int): Which series of scenes, >= 0.
        size (int): Side, px, 32 to 512; the ground area covered grows with
            it.
        world (str): One of `WORLDS`. Default: 'town'.

    Returns:
        Scene: The picture and its exact label map.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if index < 0 or seed < 0 or not 32 <= size <= 512:
        raise ValueError(
            f'make_scene got index={index}, seed={seed}, size={size}; allowed '
            'are index >= 0, seed >= 0 and 32 <= size <= 512'
        )
    if world not in WORLDS:
        raise ValueError(
            f'no generated world {world!r}; there are {list(WORLDS)}'
        )
    style = WORLDS[world]
    rng = np.random.default_rng((seed, index))
    high = rng.uniform(0, 2 * np.pi)
    sun = np.array([np.cos(high), np.sin(high)]) * rng.uniform(*style.sun)
    canvas = Canvas(size, sun, style)
    angle = rng.uniform(0, 2 * np.pi)
    scale = float(np.exp(rng.uniform(np.log(0.72), np.log(1.25))))
    scale *= style.scale
    lay_fields(canvas, rng, angle)
    _lay_roads(canvas, rng, angle, scale)
    _place_things(canvas, rng, angle, scale)
    return Scene(develop(canvas, rng), canvas.label)


def _lay_roads(
    canvas: Canvas, rng: np.random.Generator, angle: float, scale: float
) -> None:
    for turn in (0.0, np.pi / 2)[: int(rng.choice(3, p=(0.15, 0.6, 0.25)))]:
        first, second = canvas.world.roads
        name = first if rng.random() < 0.5 else second
        width = rng.uniform(16, 28) * scale
        path = lay_road(canvas, rng, name, angle + turn, width)
        for at in rng.permutation(range(0, len(path) - 1, 6))[
            : rng.integers(0, 3)
        ]:
            heading = np.arctan2(*(path[at + 1] - path[at])[::-1])
            side = np.array([-np.sin(heading), np.cos(heading)])
            one, other = canvas.world.trucks
            truck = one if rng.random() < 0.5 else other
            spot = path[at] + side * width * 0.2 * rng.choice((-1, 1))
            objects.draw_truck(
                canvas, rng, truck, spot, float(heading), scale * 0.9
            )


def _spots(
    canvas: Canvas, rng: np.random.Generator, angle: float, step: float
) -> Points:
    count = int(canvas.size / step) + 2
    line = (np.arange(-count, count + 1)) * step
    local = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    local = local + rng.uniform(-0.3, 0.3, local.shape) * step
    turn = np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    spots = local @ turn + canvas.size / 2
    inside = ((spots > -10) & (spots < canvas.size + 10)).all(1)
    return rng.permutation(spots[inside])


def _place_things(
    canvas: Canvas, rng: np.random.Generator, angle: float, scale: float
) -> None:
    places = canvas.world.places
    place = places[rng.integers(len(places))]
    names, weights = list(place), np.array(list(place.values()))
    spots = _spots(canvas, rng, angle, 26 * scale)
    picks = rng.choice(len(names), len(spots), p=weights / weights.sum())
    # What needs the most room is placed first, else it would find none.
    order = sorted(
        picks[: len(picks) // 2], key=lambda i: -_ROOM[names[i].split()[1]]
    ) + list(picks[len(picks) // 2 :])
    for spot, pick in zip(spots, order, strict=True):
        name = names[pick]
        kind = name.split()[1]
        size = scale * float(rng.uniform(0.85, 1.15))
        if canvas.is_free(spot, _ROOM[kind] * size):
            turn = angle + rng.integers(4) * np.pi / 2 + rng.normal(0, 0.05)
            _DRAW[kind](canvas, rng, name, spot, float(turn), size)
