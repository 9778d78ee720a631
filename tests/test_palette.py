# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import numpy as np
import pytest

from aeroseg import palette
from aeroseg.palette import (
    default_palette,
    expected_colour,
    hex_to_rgb,
    to_lab,
)

NAMES = tuple(f'class {i}' for i in range(500))


def _closest(colours: tuple[palette.RGB, ...]) -> float:
    places = to_lab(np.array(colours, np.uint8))
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.min()


@pytest.mark.parametrize(
    ('count', 'apart'), [(10, 40), (20, 34), (60, 20), (500, 8)]
)
def test_colours_of_one_vocabulary_are_far_apart(
    count: int, apart: float
) -> None:
    assert _closest(default_palette(NAMES[:count])) >= apart


def test_a_colour_belongs_to_a_name() -> None:
    alone = default_palette(['road'])
    assert default_palette(['Road', 'tree'])[0] == alone[0]
    assert default_palette(['tree', 'road'])[1] == alone[0]


def test_more_names_change_no_colour_before() -> None:
    assert default_palette(NAMES)[:60] == default_palette(NAMES[:60])


def test_the_first_colours_are_those_for_colour_blind_readers() -> None:
    safe = {hex_to_rgb(colour) for colour in palette._PREFERRED}
    assert set(default_palette(NAMES[:6])) <= safe


def test_lab_of_known_colours() -> None:
    found = to_lab(
        np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.uint8)
    )
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]]
    assert found == pytest.approx(np.array(expected), abs=0.1)


def test_there_is_a_colour_for_every_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    colours, places = palette._candidates()
    few = colours[:40], places[:40]
    monkeypatch.setattr(palette, '_candidates', lambda: few)
    assert len(set(default_palette(NAMES[:99]))) == 99


HUES = {
    'blue': ('water', 'River', 'sea', 'round pool'),
    'green': ('grass', 'tree', 'forest', 'Rangeland', 'green trees'),
    'red': ('building', 'white roof', 'mobile home'),
    'grey': ('road', 'paved road', 'pavement'),
    'brown': ('bare soil', 'bareland'),
}


@pytest.mark.parametrize(
    ('hue', 'name'), [(h, n) for h, names in HUES.items() for n in names]
)
def test_common_words_have_the_colour_people_expect(
    hue: str, name: str
) -> None:
    (red, green, blue) = default_palette([name])[0]
    looks = {
        'blue': blue > green + 30 > red + 30,
        'green': green > red + 10 and green > blue + 30,
        'red': red > 2 * green and red > 2 * blue,
        'grey': max(red, green, blue) - min(red, green, blue) < 10,
        'brown': red > green + 20 > blue + 20,
    }
    assert looks[hue]


def test_a_name_of_several_words_takes_the_last_known_one() -> None:
    assert expected_colour('water tower') == expected_colour('water')
    assert expected_colour('forest road') == expected_colour('road')
    assert expected_colour('ship') is None


def test_equal_expectations_get_shades_that_differ() -> None:
    names = ['water', 'lake', 'sea', 'river', 'pond', 'tree', 'forest']
    assert _closest(default_palette(names)) > 12


def test_other_names_keep_away_from_expected_colours() -> None:
    colours = default_palette(['ship', 'harbor', 'plane', 'water', 'grass'])
    assert _closest(colours) > 14
