# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The things that stand on the ground; each draws itself on a canvas."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Points, rectangle
from .ground import brighten, pick_colour

_SHADOW = 120  # what is left of the light in a cast shadow, 0-255
_LINE = (236.0, 236.0, 230.0)


def _lit(canvas: Canvas, normal: Points) -> float:
    """Light on a slope that faces `normal`, relative to flat ground."""
    sun = canvas.sun / (np.linalg.norm(canvas.sun) + 1e-6)
    return 1.0 - 0.2 * float(normal @ sun)


def draw_roof(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    centre: Points,
    angle: float,
    scale: float,
) -> None:
    """A gabled or flat roof, sometimes with a wing."""
    length = rng.uniform(44, 74) * scale
    width = rng.uniform(0.5, 0.75) * length
    colour = pick_colour(rng, name, colours=canvas.world.colours)
    parts = [(centre, length, width, angle)]
    if rng.random() < 0.35:
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        side = along * 0.25 * length + across * 0.5 * width
        parts.append((centre + side, width, 0.45 * length, angle + np.pi / 2))
    plans = [rectangle(*part) for part in parts]
    for plan in plans:
        canvas.shadow(plan, rng.uniform(9, 15) * scale, _SHADOW)
    flat = rng.random() < (0.6 if name == 'white roof' else 0.25)
    for plan in plans:
        if flat:
            _flat(canvas, rng, name, plan, colour)
        else:
            _gable(canvas, name, plan, colour)


def _gable(
    canvas: Canvas,
    name: str,
    plan: Points,
    colour: tuple[float, float, float],
) -> None:
    canvas.polygon(plan, colour, name)
    first, last = (plan[0] + plan[3]) / 2, (plan[1] + plan[2]) / 2
    normal = (plan[0] - plan[3]) / np.linalg.norm(plan[0] - plan[3])
    halves = (
        (np.array([plan[0], plan[1], last, first]), normal),
        (np.array([first, last, plan[2], plan[3]]), -normal),
    )
    for half, outward in halves:
        canvas.polygon(half, brighten(colour, _lit(canvas, outward)))
    seams = max(3, int(np.linalg.norm(plan[1] - plan[0]) / 6))
    for t in np.linspace(0, 1, seams)[1:-1]:
        start = plan[0] * (1 - t) + plan[1] * t
        stop = plan[3] * (1 - t) + plan[2] * t
        lit = 0.92 if seams % 2 else 0.88
        half = (start + stop) / 2
        canvas.line(np.stack([half, stop]), brighten(colour, lit))
    canvas.line(np.stack([first, last]), brighten(colour, 1.18), 1)


def _flat(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    plan: Points,
    colour: tuple[float, float, float],
) -> None:
    canvas.polygon(plan, brighten(colour, 1.1), name)
    middle = plan.mean(0)
    canvas.polygon(middle + (plan - middle) * 0.92, colour)
    angle = float(np.arctan2(*(plan[1] - plan[0])[::-1]))
    for _ in range(rng.integers(1, 4)):
        at = middle + (plan - middle).T @ rng.dirichlet(np.ones(4)) * 1.2
        side = rng.uniform(3, 6)
        box = rectangle(at, side * 1.4, side, angle)
        canvas.polygon(box + canvas.sun * 3, brighten(colour, 0.6))
        canvas.polygon(box, brighten(colour, 0.85))


def draw_tank(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    centre: Points,
    angle: float,
    scale: float,
) -> None:
    """A storage tank: rim and rings; a vent and walkway, or four basins."""
    radius = rng.uniform(19, 31) * scale
    colour = pick_colour(rng, name, 9, canvas.world.colours)
    height = rng.uniform(9, 16) * scale
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    unit = np.stack([np.cos(turn), np.sin(turn)], 1)
    if name == 'square tank':
        radius *= 0.9
        unit = rectangle(np.zeros(2), 2, 2, angle)
    plan = centre + unit * radius
    canvas.shadow(plan, height, _SHADOW)
    canvas.polygon(plan, brighten(colour, 1.12), name)
    for inset, light in ((0.9, 0.84), (0.85, 1.0), (0.5, 0.93), (0.46, 1.02)):
        canvas.polygon(centre + unit * radius * inset, brighten(colour, light))
    if name == 'square tank':
        _basins(canvas, plan, brighten(colour, 0.5))
        return
    walk = rectangle(np.zeros(2), 1, 1, angle + rng.integers(4) * np.pi / 2)
    edge = centre + (walk[0] + walk[1]) * radius
    canvas.line(np.stack([centre, edge]), brighten(colour, 0.7), 2)
    canvas.ring(centre, 0.7 * radius, brighten(colour, 0.7), 1)
    canvas.disc(centre, 0.3 * radius, brighten(colour, 0.5))


def _basins(
    canvas: Canvas, plan: Points, colour: tuple[float, float, float]
) -> None:
    """Walls that part a square tank into four basins."""
    for first in (0, 1):
        wall = (plan[[first, first + 2]] + plan[[first + 1, first - 1]]) / 2
        canvas.line(wall, colour, 3)


def draw_court(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    centre: Points,
    angle: float,
    scale: float,
) -> None:
    """A marked playing court."""
    length = rng.uniform(70, 100) * scale
    width = rng.uniform(0.5, 0.6) * length
    colour = pick_colour(rng, name, colours=canvas.world.colours)
    canvas.polygon(rectangle(centre, length, width, angle), colour, name)
    if name == 'grass court':
        for k in range(-4, 4, 2):
            shift = np.array([np.cos(angle), np.sin(angle)]) * length / 8
            strip = rectangle(centre + shift * (k + 0.5), length / 8, width,
                              angle)  # fmt: skip
            canvas.polygon(strip, brighten(colour, 1.08))
    inner = rectangle(centre, 0.86 * length, 0.78 * width, angle)
    canvas.line(inner, _LINE, 1, closed=True)
    halves = np.stack([inner[:2].mean(0), inner[2:].mean(0)])
    canvas.line(halves, _LINE)
    if rng.random() < 0.5:
        canvas.ring(centre, 0.16 * width, _LINE)
        along = np.array([np.cos(angle), np.sin(angle)]) * 0.36 * length
        for end in (centre - along, centre + along):
            box = rectangle(end, 0.14 * length, 0.36 * width, angle)
            canvas.line(box, _LINE, 1, closed=True)
    else:
        for side in (0.5, 0.0):
            strip = rectangle(centre, 0.86 * length * side + 0.3 * length,
                              0.6 * width, angle)  # fmt: skip
            canvas.line(strip, _LINE, 1, closed=True)


def draw_pool(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    centre: Points,
    angle: float,
    scale: float,
) -> None:
    """A swimming pool in a paved rim; with lanes, or deeper in the middle."""
    colour = pick_colour(rng, name, colours=canvas.world.colours)
    rim = (206.0, 200.0, 188.0)
    if name == 'round pool':
        radius = rng.uniform(16, 25) * scale
        canvas.disc(centre, radius, rim, name)
        canvas.disc(centre, radius * 0.86, colour)
        canvas.disc(centre, radius * 0.5, brighten(colour, 0.65))
        return
    length = rng.uniform(34, 52) * scale
    width = rng.uniform(0.5, 0.8) * length
    canvas.polygon(rectangle(centre, length, width, angle), rim, name)
    water = rectangle(centre, length * 0.88, width * 0.84, angle)
    canvas.polygon(water, colour)
    for t in (0.3, 0.7):  # the ropes of the lanes
        lane = water[[0, 1]] * (1 - t) + water[[3, 2]] * t
        canvas.line(lane, rim, 2)


def draw_truck(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    centre: Points,
    angle: float,
    scale: float,
) -> None:
    """A lorry: a box, and a cab with a dark windscreen."""
    length = rng.uniform(36, 48) * scale
    width = max(8.0, 0.36 * length)
    colour = pick_colour(rng, name, colours=canvas.world.colours)
    plan = rectangle(centre, length, width, angle)
    canvas.shadow(plan, 5 * scale, _SHADOW)
    canvas.polygon(plan, (52.0, 52.0, 56.0), name)
    along = np.array([np.cos(angle), np.sin(angle)]) * length
    box = rectangle(centre - along * 0.13, 0.72 * length, width, angle)
    canvas.polygon(box, colour)
    canvas.line(box, brighten(colour, 0.8), 1, closed=True)
    cab = rectangle(centre + along * 0.39, 0.2 * length, 0.9 * width, angle)
    canvas.polygon(cab, brighten(colour, 1.05))
    glass = rectangle(centre + along * 0.42, 0.05 * length, 0.8 * width, angle)
    canvas.polygon(glass, (40.0, 46.0, 56.0))


def draw_tree(
    canvas: Canvas,
    rng: np.random.Generator,
    name: str,
    centre: Points,
    angle: float,
    scale: float,
) -> None:
    """One to five crowns side by side, lit from the sun's side."""
    count = int(rng.integers(1, 6))
    spots = centre + rng.normal(0, 9 * scale, (count, 2)) * (count > 1)
    radii = rng.uniform(8, 15, count) * scale
    turn = np.linspace(angle, angle + 2 * np.pi, 10, endpoint=False)
    unit = np.stack([np.cos(turn), np.sin(turn)], 1)
    for spot, radius in zip(spots, radii, strict=True):
        canvas.shadow(spot + unit * radius * 0.9, radius, _SHADOW)
    toward = -canvas.sun / (np.linalg.norm(canvas.sun) + 1e-6)
    for spot, radius in zip(spots, radii, strict=True):
        colour = pick_colour(rng, name, 9, canvas.world.colours)
        canvas.disc(spot, radius, brighten(colour, 0.72), name)
        edge = spot + unit * radius * rng.uniform(0.55, 0.8)
        lobes = zip(edge, rng.uniform(0.25, 0.45, 10), strict=True)
        for place, part in lobes:
            side = float((place - spot) @ toward) / radius
            light = brighten(colour, 0.9 + 0.3 * side)
            canvas.disc(place, radius * part, light, name)
        canvas.disc(
            spot + toward * radius * 0.2, radius * 0.45, brighten(colour, 1.08)
        )
