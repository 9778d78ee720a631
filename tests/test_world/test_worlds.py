# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The second world differs from the first in all that it should."""

import hashlib

import cv2
import numpy as np
import pytest

from aeroseg.world import make_scene
from aeroseg.world.worlds import COUNTRY, TOWN, WORLDS, World

# sha256 of scenes 0-2 of series 3, from before there was a second world: the
# weights in configs/demo/weights belong to exactly these pictures.
FIRST = ['4b6a8c833f00', 'f8561e5741e5', '7caffa9c9303']


def test_the_first_world_is_as_it_was() -> None:
    scenes = [make_scene(i, 3) for i in range(3)]
    found = [
        hashlib.sha256(s.image.tobytes() + s.label.tobytes()).hexdigest()[:12]
        for s in scenes
    ]
    assert found == FIRST


@pytest.mark.parametrize('world', WORLDS.values(), ids=list(WORLDS))
def test_every_name_has_colours_and_a_place(world: World) -> None:
    assert set(world.colours) == set(world.names)
    assert len(set(world.palette)) == len(world.palette) == len(world.names)
    placed = {name for place in world.places for name in place}
    assert placed | {*world.fields, *world.roads, *world.trucks} == {
        *world.names
    }


def test_another_set_of_names_of_known_words() -> None:
    shared = set(COUNTRY.names) & set(TOWN.names)
    assert len(shared) == 6
    words = {word for name in TOWN.names for word in name.split()}
    assert {w for name in COUNTRY.names for w in name.split()} <= words
    for name in shared - {'round tank'}:
        assert COUNTRY.colours[name] != TOWN.colours[name], name


def test_every_name_occurs() -> None:
    labels = np.stack(
        [make_scene(i, 9, 256, 'country').label for i in range(60)]
    )
    for index, name in enumerate(COUNTRY.names):
        there = labels == index
        assert there.any((1, 2)).mean() > 0.15, name
        assert there.mean() > 0.002, name


def test_things_are_smaller_and_the_light_is_warm() -> None:
    tone, tank = {}, {}
    for name, world in WORLDS.items():
        scenes = [make_scene(i, 5, 256, name) for i in range(40)]
        image = np.stack([s.image for s in scenes]).astype(float)
        tone[name] = image[..., 0].mean() / image[..., 2].mean()
        index = world.names.index('round tank')
        areas = []
        for scene in scenes:
            here = (scene.label == index).astype(np.uint8)
            count, _, stats, _ = cv2.connectedComponentsWithStats(here)
            areas += [int(stats[i, 4]) for i in range(1, count)]
        tank[name] = np.median(areas)
    assert tone['country'] > 1.15 * tone['town']
    assert tank['country'] < 0.7 * tank['town']


def test_an_unknown_world_is_refused() -> None:
    with pytest.raises(ValueError, match="no generated world 'sea'"):
        make_scene(0, 0, 64, 'sea')
