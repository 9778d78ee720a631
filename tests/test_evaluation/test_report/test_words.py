# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Other words for the classes, and words for nothing that is there."""

from pathlib import Path

import pytest

from aeroseg.evaluation.report.words import distractors_for, wordings_of
from aeroseg.vocabulary import Vocabulary
from aeroseg.world.classes import CLASSES

WORDS = Vocabulary.parse('city; building, house; bus')


def test_every_class_has_the_same_number_of_wordings() -> None:
    city, building, bus = wordings_of(WORDS)
    assert city[:2] == ('city', 'cities')
    assert building[:3] == ('building', 'house', 'buildings')
    assert bus[:2] == ('bus', 'buses')
    assert len(city) == len(building) == len(bus) == 5
    assert all(len(set(group)) == 5 for group in (city, building, bus))


def test_a_file_gives_the_wordings(tmp_path: Path) -> None:
    path = tmp_path / 'words.txt'
    path.write_text(
        'bus, coach, omnibus, motor bus, city bus, double-decker\n'
        'city, town, downtown, urban area, settlement\n'
        'building, house, hut, edifice, structure\n'
    )
    city, _, bus = wordings_of(WORDS, str(path))
    assert city == ('city', 'town', 'downtown', 'urban area', 'settlement')
    assert bus == ('bus', 'coach', 'omnibus', 'motor bus', 'city bus')


def test_a_file_without_a_class_or_with_few_words_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'words.txt'
    path.write_text('city, town\nbus, coach\n')
    with pytest.raises(ValueError, match=r"no line for \['building'\]"):
        wordings_of(WORDS, str(path))
    path.write_text('city, town\nbus, coach\nbuilding, house\n')
    with pytest.raises(ValueError, match='fewer than 5 words'):
        wordings_of(WORDS, str(path))


def test_there_are_a_hundred_distractors_that_share_no_word() -> None:
    for words in (WORDS, Vocabulary(CLASSES), Vocabulary.parse('ice; pan')):
        found = distractors_for(words, 100)
        assert len({*found}) == 100
        parts = {part for word in found for part in word.split()}
        used = {p for group in words.queries for w in group for p in w.split()}
        assert not parts & used
    assert distractors_for(WORDS, 10) == distractors_for(WORDS, 100)[:10]
    assert distractors_for(WORDS, 0) == ()
