# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.datasets import OpenEarthMapDataset

META = OpenEarthMapDataset.METAINFO


def test_official_order_and_colours() -> None:
    colours = dict(zip(META['classes'], META['palette'], strict=True))
    assert next(iter(colours)) == 'bareland'
    assert colours['road'] == [255, 255, 255]
    assert colours['building'] == [222, 31, 7]


def test_the_split_of_the_paper() -> None:
    unseen = [n for n in META['classes'] if n not in META['seen_classes']]
    assert unseen == ['developed space', 'tree', 'water', 'agriculture land']
