# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Names as users write them, with the faults they make."""

from pathlib import Path

import pytest

from aeroseg.vocabulary import Vocabulary
from aeroseg.vocabulary.text import clean_word, read_lines, split_classes

COMPOSED, DECOMPOSED = 'caf\u00e9', 'cafe\u0301'


@pytest.mark.parametrize(
    ('given', 'clean'),
    [
        ('  storage \t tank ', 'storage tank'),
        ('bare\u00a0soil', 'bare soil'),
        (DECOMPOSED, COMPOSED),
        ('高速公路', '高速公路'),
        ('line\u2028separator', 'line separator'),
    ],
)
def test_names_are_normalised(given: str, clean: str) -> None:
    assert clean_word(given) == clean
    assert Vocabulary((given, 'x')).names[0] == clean


@pytest.mark.parametrize(
    ('character', 'name'),
    [
        ('\x00', 'U\\+0000'),
        ('\n', 'U\\+000A'),
        ('\x1b', 'U\\+001B'),
        ('\u200b', 'ZERO WIDTH SPACE'),
        ('\u202e', 'RIGHT-TO-LEFT OVERRIDE'),
        ('\ud800', 'U\\+D800'),
        ('\ufeff', 'ZERO WIDTH NO-BREAK SPACE'),
    ],
)
def test_characters_that_cannot_be_seen_are_refused(
    character: str, name: str
) -> None:
    for make in (
        lambda word: Vocabulary((word,)),
        lambda word: Vocabulary(('a',), synonyms=(('a', word),)),
        lambda word: Vocabulary(('a',), contrast=(word,)),
        Vocabulary.parse,
    ):
        with pytest.raises(ValueError, match=rf'{name}.* column 3'):
            make(f'ro{character}ad')


@pytest.mark.parametrize(
    'twins',
    [
        f'{COMPOSED}; {DECOMPOSED}',
        'bare soil; bare  soil',
        'Straße; STRASSE',
        'road; tree, Road',
    ],
)
def test_twin_spellings_are_one_name(twins: str) -> None:
    with pytest.raises(ValueError, match='given twice'):
        Vocabulary.parse(twins)


def test_marks_do_not_belong_on_the_command_line() -> None:
    with pytest.raises(ValueError, match='column 6; marks such as'):
        split_classes('road [seen]; tree')


@pytest.mark.parametrize(
    ('line', 'fault'),
    [
        ('road [seen', r"line 2: '\[' in column 6 belongs to no mark"),
        ('road seen]', r"line 2: '\]' in column 10 belongs to no mark"),
        ('road [seen] [seen]', r'line 2: a second mark \[seen\] in column 13'),
        ('road [seen] [unseen]', r'line 2: a second mark'),
        (
            'road [#3C1098] [#3C1099]',
            r'line 2: a second colour \[#3C1099\] in column 16',
        ),
        ('road [sen]', r'line 2: unknown mark \[sen\] in column 6'),
        ('road [#3C109]', 'line 2: unknown mark'),
        ('ro\x00ad', r'line 2: .*U\+0000.* column 3'),
        ('tree', 'given twice'),
        ('road,', 'empty'),
    ],
)
def test_faulty_lines_are_named(tmp_path: Path, line: str, fault: str) -> None:
    path = tmp_path / 'names.txt'
    path.write_bytes(f'tree\n{line}\n'.encode())
    with pytest.raises(ValueError, match=fault):
        Vocabulary.from_file(path)


def test_the_line_number_counts_comments_and_empty_lines(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'names.txt'
    path.write_text('# names\n\nroad [seen] [#010203]\r\ntree, wood [seen]\n')
    with pytest.raises(ValueError, match=r"line 4: a colour .* not on 'tree'"):
        read_lines(path)
    path.write_text('# names\n\nroad [seen]\r\ntree, wood [unseen]\n')
    assert [line.number for line in read_lines(path)] == [3, 4]
    assert Vocabulary.from_file(path).seen == (True, False)
