# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""How class names are written: on the command line and in text files."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aeroseg.palette import RGB, hex_to_rgb

_MARK = re.compile(r'\[([^\[\]]*)\]')
# Control, format (zero-width, direction), surrogate and unassigned characters
# cannot be seen, and files such as XML and CSV break on them.
_UNPRINTABLE = ('Cc', 'Cf', 'Cs', 'Cn')


class ClassLine(NamedTuple):
    """One class as a text file names it.

    Attributes:
        words (tuple[str, ...]): The name, then its synonyms.
        seen (bool | None): The mark, if there is one.
        colour (RGB | None): The colour, if there is one.
        number (int): Line in the file, from 1.
    """

    words: tuple[str, ...]
    seen: bool | None
    colour: RGB | None
    number: int


def clean_word(word: str) -> str:
    """A name as it is compared and shown: NFC, single spaces.

    Args:
        word (str): As the user wrote it.

    Raises:
        ValueError: If it holds a character that cannot be seen.
    """
    for column, character in enumerate(word, start=1):
        kind = unicodedata.category(character)
        if kind in _UNPRINTABLE and character != '\t':
            name = unicodedata.name(character, 'control character')
            raise ValueError(
                f'the name {word!r} holds U+{ord(character):04X} ({name}) in '
                f'column {column}, which cannot be seen; delete it'
            )
    return ' '.join(unicodedata.normalize('NFC', word).split())


def split_classes(text: str) -> list[tuple[str, ...]]:
    """The form of the command line: 'building, house; road'.

    Args:
        text (str): ';' between classes, ',' between synonyms.

    Returns:
        list[tuple[str, ...]]: Words per class; empty if there are none.

    Raises:
        ValueError: If there are marks, which belong in a file.
    """
    for bracket in '[]':
        if bracket in text:
            raise ValueError(
                f'{text!r} holds {bracket!r} in column '
                f'{text.index(bracket) + 1}; marks such as [seen] and '
                '[#3C1098] belong in a vocabulary file (--vocabulary FILE)'
            )
    text = text.strip(' ;')
    return [_words(part) for part in text.split(';')] if text else []


def read_lines(path: Path) -> list[ClassLine]:
    """Read a text file with a class per line.

    A line is ``name, synonym, ... [seen] [#RRGGBB]``; both marks may be left
    out, ``[unseen]`` is the other mark. Empty lines and lines that start with
    '#' are ignored.

    Args:
        path (Path): The file, UTF-8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no text in UTF-8, or a line is faulty; the
            message names line and column.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'no vocabulary file {path}; write a text file with a class per '
            'line: "name, synonym [seen] [#RRGGBB]"'
        )
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path} is not a text file in UTF-8 ({error})'
        ) from error
    found = []
    # Not splitlines(): it also splits at characters that cannot be seen.
    for number, line in enumerate(re.split('\r\n|\n|\r', text), start=1):
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        try:
            found.append(_read_line(line, number))
        except ValueError as error:
            raise ValueError(f'{path}, line {number}: {error}') from error
    _check_marks(found, path)
    return found


def _read_line(line: str, number: int) -> ClassLine:
    clean_word(line)
    seen, colour = None, None
    for match in _MARK.finditer(line):
        mark, place = match.group(1), f'in column {match.start() + 1}'
        if mark in ('seen', 'unseen'):
            if seen is not None:
                raise ValueError(f'a second mark [{mark}] {place}; one is due')
            seen = mark == 'seen'
        elif re.fullmatch(r'#[0-9a-fA-F]{6}', mark):
            if colour is not None:
                raise ValueError(
                    f'a second colour [{mark}] {place}; a class has one'
                )
            colour = hex_to_rgb(mark)
        else:
            raise ValueError(
                f'unknown mark [{mark}] {place}; allowed are [seen], [unseen] '
                'and a colour such as [#3C1098]'
            )
    # Blanks keep the columns of what is left.
    words = _MARK.sub(lambda match: ' ' * len(match.group()), line)
    stray = re.search(r'[\[\]]', words)
    if stray:
        raise ValueError(
            f'{stray.group()!r} in column {stray.start() + 1} belongs to no '
            'mark; write [seen], [unseen] or [#3C1098]'
        )
    return ClassLine(_words(words), seen, colour, number)


def _words(text: str) -> tuple[str, ...]:
    return tuple(clean_word(word) for word in text.split(','))


def _check_marks(lines: Sequence[ClassLine], path: Path) -> None:
    for what, values in (
        ('seen mark', [line.seen for line in lines]),
        ('colour', [line.colour for line in lines]),
    ):
        if None in values and any(v is not None for v in values):
            line = lines[values.index(None)]
            raise ValueError(
                f'{path}, line {line.number}: a {what} stands on some lines '
                f'but not on {line.words[0]!r}; mark every line or none'
            )
