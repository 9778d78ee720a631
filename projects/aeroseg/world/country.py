# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Classes of the second generated world: open country in the evening.

Six names are also those of the first world, in other colours; seven are new
compositions of words that it uses. No encoder has seen a picture of it.
"""

from .classes import RGB

NAMES: tuple[str, ...] = (
    'green field',
    'dirt field',
    'white road',
    'dirt road',
    'red roof',
    'grass roof',
    'green tree',
    'dirt court',
    'round tank',
    'white tank',
    'green pool',
    'white truck',
    'red truck',
)

COUNTRY_PALETTE: tuple[RGB, ...] = (
    (120, 200, 80),
    (150, 105, 65),
    (235, 235, 220),
    (214, 182, 130),
    (220, 60, 50),
    (170, 190, 60),
    (20, 95, 40),
    (200, 150, 100),
    (120, 120, 120),
    (180, 180, 200),
    (40, 130, 110),
    (255, 215, 225),
    (160, 20, 40),
)

# Mean colours of each name in daylight, RGB 0-255.
COUNTRY_COLOURS: dict[str, tuple[RGB, ...]] = {
    'green field': ((96, 140, 58), (112, 152, 70), (130, 158, 74)),
    'dirt field': ((120, 88, 66), (104, 78, 60), (138, 104, 78)),
    'white road': ((212, 208, 196), (200, 196, 186)),
    'dirt road': ((172, 144, 104), (160, 130, 94)),
    'red roof': ((150, 64, 48), (168, 82, 60), (136, 58, 50)),
    'grass roof': ((118, 134, 70), (102, 120, 62)),
    'green tree': ((44, 72, 40), (58, 84, 44), (36, 64, 42)),
    'dirt court': ((168, 128, 92), (154, 116, 84)),
    'round tank': ((142, 148, 146), (124, 132, 134)),
    'white tank': ((226, 226, 222), (214, 216, 216)),
    'green pool': ((70, 104, 74), (60, 92, 68)),
    'white truck': ((224, 224, 222),),
    'red truck': ((170, 44, 40),),
}

# Share of each name among the things of a place.
PLACES: tuple[dict[str, float], ...] = (
    {
        'red roof': 3, 'grass roof': 4, 'green tree': 2, 'dirt court': 4,
        'green pool': 2, 'red truck': 1,
    },
    {
        'round tank': 3, 'white tank': 3, 'grass roof': 2, 'dirt court': 3,
        'red truck': 1, 'white truck': 1,
    },
    {'green tree': 4, 'green pool': 3, 'red roof': 2, 'white tank': 1},
)  # fmt: skip
