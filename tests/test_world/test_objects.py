# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg.world import objects
from aeroseg.world.canvas import Canvas
from aeroseg.world.classes import CLASSES

THINGS = [name for name in CLASSES if name.split()[1] not in ('field', 'road')]


@pytest.mark.parametrize('name', THINGS)
def test_a_thing_is_where_it_was_put_and_labelled(name: str) -> None:
    canvas = Canvas(160, np.array([0.6, 0.3]))
    canvas.label[:] = 255
    draw = getattr(objects, f'draw_{name.split()[1]}')
    centre = np.array([80.0, 80.0])
    draw(canvas, np.random.default_rng(5), name, centre, 0.7, 1.0)
    index = CLASSES.index(name)
    rows, columns = np.nonzero(canvas.label == index)
    assert set(np.unique(canvas.label)) == {index, 255}
    assert 150 < len(rows) < 8000
    assert abs(rows.mean() - 80) < 15
    assert abs(columns.mean() - 80) < 15
    assert canvas.image[canvas.label == index].std() > 4  # it has details


@pytest.mark.parametrize('kind', ['tank', 'pool'])
def test_round_and_square_differ_in_outline(kind: str) -> None:
    fill = {}
    for shape in ('round', 'square'):
        canvas = Canvas(160, np.zeros(2))
        canvas.label[:] = 255
        draw = getattr(objects, f'draw_{kind}')
        rng = np.random.default_rng(1)
        draw(canvas, rng, f'{shape} {kind}', np.array([80.0, 80.0]), 0.0, 1.0)
        rows, columns = np.nonzero(canvas.label < 255)
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        fill[shape] = len(rows) / box
    assert fill['round'] < 0.83 < 0.95 < fill['square']
