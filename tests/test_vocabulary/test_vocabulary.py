# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Names, synonyms, marks and colours."""

from pathlib import Path

import pytest

from aeroseg.vocabulary import Vocabulary


def test_parse_keeps_the_order_and_the_synonyms() -> None:
    vocabulary = Vocabulary.parse(' water , river;building,house ; road;')
    assert vocabulary.names == ('water', 'building', 'road')
    assert vocabulary.synonyms[0] == ('water', 'river')
    assert len(vocabulary) == 3


def test_contrast_words_are_asked_for_but_are_no_classes() -> None:
    vocabulary = Vocabulary.parse('road', contrast=('sky', 'person'))
    assert vocabulary.queries == (('road',), ('sky',), ('person',))
    assert len(vocabulary) == 1


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'empty'),
        (' ; ', 'empty'),
        ('road,;tree', 'name or synonym is empty'),
        ('road; Road', "'Road' is given twice"),
        ('road, street; tree, street', "'street' is given twice"),
    ],
)
def test_bad_words_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary.parse(text)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match='1 entries in seen for 2'):
        Vocabulary(('a', 'b'), seen=(True,))
    with pytest.raises(ValueError, match='threshold is 2'):
        Vocabulary(('a',), threshold=2)


def test_file_with_marks(tmp_path: Path) -> None:
    path = tmp_path / 'names.txt'
    path.write_text(
        '# my classes\n\nroad, street [seen] [#0a0B0c]\n'
        'tree [unseen] [#FFFFFF]\n'
    )
    vocabulary = Vocabulary.from_file(path)
    assert vocabulary.names == ('road', 'tree')
    assert vocabulary.seen == (True, False)
    assert vocabulary.seen_names == ('road',)
    assert vocabulary.palette == ((10, 11, 12), (255, 255, 255))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('road [sen]', r'unknown mark \[sen\]'),
        ('road [seen]\ntree', "not on 'tree'"),
        ('road [#000000]\ntree', "a colour .* not on 'tree'"),
        ('# nothing', 'empty'),
    ],
)
def test_faulty_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'names.txt'
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        Vocabulary.from_file(path)


def test_files_are_utf_8(tmp_path: Path) -> None:
    path = tmp_path / 'names.txt'
    path.write_bytes('\ufeffstraße\n道路'.encode())
    assert Vocabulary.from_file(path).names == ('straße', '道路')
    path.write_bytes(b'\x89PNG\xff')
    with pytest.raises(ValueError, match='not a text file in UTF-8'):
        Vocabulary.from_file(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='write a text file'):
        Vocabulary.from_file(tmp_path / 'none.txt')


def test_metainfo_and_dict_are_lossless() -> None:
    vocabulary = Vocabulary(
        ('a', 'b'), (('a', 'c'), ('b',)), (True, False), ((1, 2, 3), (4, 5, 6))
    )
    assert Vocabulary.from_metainfo(vocabulary.to_metainfo()) == vocabulary
    assert Vocabulary.from_dict(vocabulary.to_dict()) == vocabulary


def test_build_from_a_dataset() -> None:
    every = Vocabulary.build({'dataset': 'ISAID15Dataset'})
    seen = Vocabulary.build({'dataset': 'ISAID15Dataset', 'classes': 'seen'})
    assert (len(every), len(seen)) == (15, 9)
    assert seen.names == every.seen_names
    assert seen.palette[1] == every.palette[1]
    with pytest.raises(ValueError, match='no dataset'):
        Vocabulary.build({'dataset': 'Nowhere'})
    with pytest.raises(ValueError, match=r"dict\(file='names.txt'\)"):
        Vocabulary.build({'dataset': 'FolderDataset'})
    with pytest.raises(ValueError, match=r"entries \['fil'\] is unknown"):
        Vocabulary.build({'fil': 'names.txt'})
    with pytest.raises(ValueError, match='carry no marks'):
        Vocabulary.parse('a;b').subset('seen')


def test_digest_depends_on_words_and_order() -> None:
    digest = Vocabulary.parse('a;b').digest
    assert digest == Vocabulary.parse('a;b', threshold=0.5).digest
    assert digest != Vocabulary.parse('b;a').digest
    assert digest != Vocabulary.parse('a,b').digest
