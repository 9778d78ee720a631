# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The generated worlds: what each shows, and in which light."""

from collections.abc import Mapping
from dataclasses import dataclass

from . import country
from .classes import CLASSES, COLOURS, PALETTE, RGB

# Share of each name among the things of a place. Places differ as real ones
# do; together they show every name about equally often.
_TOWN_PLACES: tuple[dict[str, float], ...] = (
    {
        'red roof': 4, 'blue roof': 2, 'green roof': 3, 'white roof': 1,
        'square pool': 2, 'round pool': 2, 'green tree': 1, 'red tree': 1,
    },
    {
        'white roof': 4, 'blue roof': 4, 'green roof': 2, 'round tank': 2,
        'square tank': 2, 'blue truck': 1, 'white truck': 1, 'red roof': 2,
    },
    {
        'paved court': 4, 'grass court': 4, 'blue court': 5, 'green tree': 1,
        'red tree': 1,
        'round pool': 1, 'square pool': 1, 'white roof': 2, 'blue roof': 1,
    },
    {
        'green tree': 2, 'red tree': 2, 'red roof': 2, 'green roof': 2,
        'round tank': 2, 'square tank': 2, 'blue truck': 1, 'white truck': 1,
        'paved court': 2, 'grass court': 2, 'blue court': 2,
    },
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """What tells one generated world from another.

    Attributes:
        names (tuple[str, ...]): Its classes.
        palette (tuple[RGB, ...]): A colour per class, for labels.
        colours (Mapping[str, tuple[RGB, ...]]): How each class looks.
        places (tuple[Mapping[str, float], ...]): Kinds of places: the share
            of each name among its things.
        fields (tuple[str, str]): The ground: plain, and ploughed.
        roads (tuple[str, str]): The two roads.
        trucks (tuple[str, str]): The trucks on the roads.
        scale (float): Size of all things in px, relative to the first world:
            its ground resolution.
        sun (tuple[float, float]): Shortest and longest shadow of a thing one
            px high, px.
        cast (tuple[float, float, float]): Mean colour cast, RGB.
        gain (tuple[float, float]): Least and most brightness.
        haze (tuple[float, float]): Least and most haze, 0 to 1.
    """

    names: tuple[str, ...]
    palette: tuple[RGB, ...]
    colours: Mapping[str, tuple[RGB, ...]]
    places: tuple[Mapping[str, float], ...]
    fields: tuple[str, str] = ('grass field', 'dirt field')
    roads: tuple[str, str] = ('paved road', 'dirt road')
    trucks: tuple[str, str] = ('blue truck', 'white truck')
    scale: float = 1.0
    sun: tuple[float, float] = (0.5, 1.1)
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gain: tuple[float, float] = (0.82, 1.14)
    haze: tuple[float, float] = (0.0, 0.16)


TOWN = World(CLASSES, PALETTE, COLOURS, _TOWN_PLACES)
COUNTRY = World(
    country.NAMES,
    country.COUNTRY_PALETTE,
    country.COUNTRY_COLOURS,
    country.PLACES,
    fields=('green field', 'dirt field'),
    roads=('white road', 'dirt road'),
    trucks=('red truck', 'white truck'),
    scale=0.7,
    sun=(1.1, 1.8),
    cast=(1.1, 1.0, 0.86),
    gain=(0.72, 1.0),
    haze=(0.08, 0.26),
)
WORLDS: Mapping[str, World] = {'town': TOWN, 'country': COUNTRY}
