# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.datasets import DLRSDDataset

META = DLRSDDataset.METAINFO


def test_classes_are_in_the_official_alphabetical_order() -> None:
    assert list(META['classes']) == sorted(META['classes'])
    colours = dict(zip(META['classes'], META['palette'], strict=True))
    assert colours['airplane'] == [166, 202, 240]
    assert colours['mobile home'] == [90, 87, 255]
    assert colours['water'] == [0, 255, 255]


def test_the_split_of_the_paper() -> None:
    unseen = [n for n in META['classes'] if n not in META['seen_classes']]
    assert unseen == [
        'airplane', 'bare soil', 'buildings', 'cars', 'pavement', 'sea',
        'trees',
    ]  # fmt: skip
