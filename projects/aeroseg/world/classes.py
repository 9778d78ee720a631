# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Classes of the generated world: names, seen or unseen, colours.

Every name is a composition of a modifier (colour, shape or material) and a
kind. Every modifier occurs in seen and in unseen names, so that the unseen
names can be understood from words, but not from the seen label maps alone.
The same holds for every kind but 'field', the ground, which is seen.
"""

RGB = tuple[int, int, int]

SEEN: tuple[str, ...] = (
    'grass field',
    'dirt field',
    'paved road',
    'blue court',
    'red roof',
    'white roof',
    'blue truck',
    'green tree',
    'round tank',
    'square pool',
)
UNSEEN: tuple[str, ...] = (
    'dirt road',
    'paved court',
    'grass court',
    'blue roof',
    'green roof',
    'white truck',
    'red tree',
    'square tank',
    'round pool',
)
CLASSES: tuple[str, ...] = SEEN + UNSEEN

PALETTE: tuple[RGB, ...] = (
    (155, 190, 95),
    (150, 105, 65),
    (60, 60, 70),
    (150, 175, 255),
    (220, 60, 50),
    (245, 245, 245),
    (30, 60, 220),
    (20, 95, 40),
    (120, 120, 120),
    (70, 215, 240),
    (214, 182, 130),
    (140, 110, 190),
    (95, 225, 60),
    (70, 130, 200),
    (60, 165, 130),
    (255, 215, 225),
    (190, 40, 110),
    (190, 160, 60),
    (0, 150, 190),
)

# Mean colours of each name in daylight, RGB 0-255.
COLOURS: dict[str, tuple[RGB, ...]] = {
    'grass field': ((98, 120, 64), (118, 132, 74), (84, 110, 60)),
    'dirt field': ((146, 112, 82), (126, 94, 70), (160, 128, 96)),
    'paved road': ((90, 91, 96), (108, 108, 110)),
    'dirt road': ((192, 166, 126), (178, 148, 110)),
    'paved court': ((124, 124, 130), (106, 108, 116)),
    'blue court': ((74, 110, 158), (60, 96, 150)),
    'grass court': ((88, 146, 66), (104, 158, 72)),
    'red roof': ((176, 76, 58), (158, 64, 54), (190, 92, 66)),
    'white roof': ((222, 222, 216), (206, 208, 208)),
    'blue roof': ((62, 104, 168), (78, 122, 182)),
    'green roof': ((72, 132, 100), (60, 118, 84)),
    'blue truck': ((44, 84, 176),),
    'white truck': ((232, 232, 230),),
    'green tree': ((52, 88, 44), (66, 98, 46), (44, 76, 44)),
    'red tree': ((142, 62, 44), (156, 82, 50), (128, 54, 46)),
    'round tank': ((128, 142, 152), (146, 156, 160)),
    'square tank': ((128, 142, 152), (146, 156, 160)),
    'round pool': ((72, 178, 204), (58, 160, 196)),
    'square pool': ((72, 178, 204), (58, 160, 196)),
}
