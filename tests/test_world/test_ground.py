# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.world.canvas import Canvas
from aeroseg.world.classes import CLASSES, COLOURS
from aeroseg.world.ground import (
    brighten,
    lay_fields,
    lay_road,
    pick_colour,
)


@pytest.fixture
def canvas() -> Canvas:
    return Canvas(128, np.array([1.0, 0.0]))


@pytest.mark.parametrize('name', CLASSES)
def test_a_colour_is_near_one_of_its_name(name: str) -> None:
    rng = np.random.default_rng(0)
    picks = np.array([pick_colour(rng, name) for _ in range(50)])
    options = np.array(COLOURS[name])
    distance = np.abs(picks[:, None] - options).max(-1).min(1)
    assert distance.max() < 40
    assert picks.std(0).min() > 1


def test_light_never_leaves_the_range() -> None:
    assert brighten((200.0, 100.0, 0.0), 2) == (255.0, 200.0, 0.0)


def test_fields_cover_everything(canvas: Canvas) -> None:
    lay_fields(canvas, np.random.default_rng(3), 0.4)
    fields = [CLASSES.index(n) for n in ('grass field', 'dirt field')]
    assert np.isin(canvas.label, fields).all()
    assert canvas.image.reshape(-1, 3).min(0).max() > 20


@pytest.mark.parametrize('name', ['paved road', 'dirt road'])
def test_a_road_crosses_the_scene_on_its_label(
    canvas: Canvas, name: str
) -> None:
    path = lay_road(canvas, np.random.default_rng(1), name, 0.0, 20)
    road = canvas.label == CLASSES.index(name)
    assert 0.1 < road.mean() < 0.3
    x, y = path[len(path) // 2].astype(int)
    assert road[y, x]
    assert road[:, 2].any()
    assert road[:, -3].any()
