# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from aeroseg.world.classes import (
    CLASSES,
    COLOURS,
    PALETTE,
    SEEN,
    UNSEEN,
)


def test_every_word_is_in_a_seen_and_in_an_unseen_name() -> None:
    for place in (0, 1):
        seen = {name.split()[place] for name in SEEN}
        unseen = {name.split()[place] for name in UNSEEN}
        # Both fields are seen: they are the ground everywhere.
        assert seen - unseen <= {'field'}
        assert unseen <= seen
    assert not set(SEEN) & set(UNSEEN)


def test_every_name_has_a_colour_on_the_map_and_in_daylight() -> None:
    assert len(set(PALETTE)) == len(PALETTE) == len(CLASSES)
    assert set(COLOURS) == set(CLASSES)
