# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The commands on the pages, as a shell would read them."""

import argparse
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import aeroseg_console

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (
        *(ROOT / 'README.md', ROOT / 'CONTRIBUTING.md'),
        *(ROOT / 'docs').rglob('*.md'),
    )
)
_FENCE = re.compile(r'^( *)```bash\n(.*?)^\1```', re.MULTILINE | re.DOTALL)
_CODE = re.compile(r'(?<!`)`((?:[^`\n]|\n(?!\n))+)`(?!`)')
_END = {';', '&&', '||', '|', '&', 'do', 'done'}
_ASSIGNMENT = re.compile(r'([A-Za-z_]\w*)=(.*)', re.DOTALL)


class Command(NamedTuple):
    """A command of a page.

    Attributes:
        page (str): Path below the checkout.
        words (tuple[str, ...]): Program and arguments.
    """

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f'{self.page}: {shlex.join(self.words)}'


def commands(page: str) -> Iterator[Command]:
    """The commands of the fenced bash blocks of a page.

    Args:
        page (str): Path below the checkout.

    Yields:
        Command: With the values of variables that the page sets before it.
    """
    text = (ROOT / page).read_text(encoding='utf-8')
    values: dict[str, str] = {}
    for fence in _FENCE.finditer(text):
        for words in _read(fence[2], values):
            yield Command(page, words)


def spoken_of(page: str) -> Iterator[Command]:
    """The commands within the text and the tables of a page.

    Args:
        page (str): Path below the checkout.

    Yields:
        Command: Every inline code that begins with `aeroseg` or `python`. It
        may lack arguments.
    """
    text = _FENCE.sub('', (ROOT / page).read_text(encoding='utf-8'))
    for code in _CODE.findall(text):
        if re.match(r'(aeroseg [a-z]|python \S+\.py)', code):
            yield Command(page, tuple(shlex.split(code)))


def _read(block: str, values: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for line in _lines(block):
        words: list[str] = []
        for token in [*_tokens(line), ';']:
            if token in _END:
                if words[:1] == ['for']:  # for NAME in FIRST ...
                    values[words[1]] = words[3]
                elif words:
                    yield tuple(words)
                words = []
            elif words or not _assigned(token, values):
                words += _expanded(token, values)


def _lines(block: str) -> Iterator[str]:
    # A line goes on after a backslash, and until its quotes are closed.
    started = ''
    for line in block.replace('\\\n', ' ').splitlines():
        started = f'{started}\n{line}' if started else line
        try:
            _tokens(started)
        except ValueError:
            continue
        yield started
        started = ''
    assert not started, f'a quote is not closed: {started}'


def _tokens(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=';&|')
    lexer.whitespace_split = True
    return list(lexer)


def _assigned(word: str, values: dict[str, str]) -> bool:
    found = _ASSIGNMENT.fullmatch(word)
    if found:
        values[found[1]] = found[2]
    return bool(found)


def _expanded(word: str, values: dict[str, str]) -> list[str]:
    whole = re.fullmatch(r'\$(\w+)', word)
    if whole and whole[1] in values:
        return values[whole[1]].split()
    return [re.sub(r'\$(\w+)', lambda x: values.get(x[1], x[0]), word)]


def script_of(command: Command) -> tuple[str, tuple[str, ...]] | None:
    """The script that a command starts, and its arguments.

    Args:
        command (Command): A command of a page.

    Returns:
        tuple[str, tuple[str, ...]] | None: Path below the checkout and
        arguments; None for what is no script of ours.

    Raises:
        ValueError: If there is no such command or script.
    """
    words = command.words
    if words[0] == 'torchrun':
        words = ('python', *words[3:])
    if words[:3] == ('python', '-m', 'aeroseg'):
        words = ('aeroseg', *words[3:])
    if words[0] == 'aeroseg':
        return _tool(words[1:])
    if words[0] == 'python' and words[1].endswith('.py'):
        if not (ROOT / words[1]).is_file():
            raise ValueError(f'there is no {words[1]}')
        return words[1], words[2:]
    return None


def _tool(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    tools = aeroseg_console.tools()
    for number in (2, 1):
        path = tools.get(' '.join(words[:number]))
        if path is not None:
            name = path.resolve().relative_to(ROOT).as_posix()
            return name, words[number:]
    if words and words[0] in ('configs', 'version', '--help'):
        return None
    raise ValueError(f'there is no command aeroseg {" ".join(words[:2])}')


class _Found(BaseException):
    """Carries the parser of a script out of it."""


@cache
def parser_of(script: str) -> argparse.ArgumentParser:
    """The real parser of a script: the script runs until it parses.

    Args:
        script (str): Path below the checkout.

    Returns:
        argparse.ArgumentParser: Its parser, with all arguments.
    """

    def stop(self: argparse.ArgumentParser, *_: object) -> None:
        raise _Found(self)

    path = ROOT / script
    with (
        patch.object(argparse.ArgumentParser, 'parse_args', stop),
        patch.object(sys, 'argv', [str(path)]),
        patch.object(sys, 'path', [str(path.parent), *sys.path]),
    ):
        try:
            runpy.run_path(str(path), run_name='__main__')
        except _Found as found:
            return found.args[0]
    raise ValueError(f'{script} does not parse its arguments')
