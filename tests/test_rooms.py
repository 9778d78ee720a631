# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The rooms of CONTRIBUTING.md: how large they may be, and their names."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'projects' / 'aeroseg'
MOST_FILES = 12
MOST_LINES = 350
LEAST_LINES = 30
CODE = ('projects', 'tools', 'benchmarks', 'studies')
# Shorter files, and why they are files of their own.
SHORT = {
    'projects/aeroseg/__main__.py': 'python -m aeroseg',
    'projects/aeroseg/version.py': 'setup.cfg reads it',
    'projects/aeroseg/engine/hooks/trainable_hook.py': 'a file per hook',
    'tools/dataset_converters/dlrsd.py': 'a file per command',
    'tools/paper_tables.py': 'the former place of a command',
}


def files(folder: Path) -> list[Path]:
    """Files below a folder, without links to others and what Python writes."""
    return [
        path
        for path in sorted(folder.rglob('*'))
        if path.is_file()
        and '__pycache__' not in path.parts
        and not any(part.endswith('.egg-info') for part in path.parts)
        and '.mim' not in path.parts
    ]


def test_a_folder_of_the_package_has_few_files() -> None:
    count = Counter(path.parent for path in files(PACKAGE))
    assert count[PACKAGE] > 1
    assert {f: n for f, n in count.items() if n > MOST_FILES} == {}


@pytest.mark.parametrize('folder', CODE)
def test_a_file_is_neither_long_nor_short(folder: str) -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in files(ROOT / folder)
        if path.suffix == '.py' and path.name != '__init__.py'
    }
    assert lines
    assert {f: n for f, n in lines.items() if n > MOST_LINES} == {}
    short = {f for f, n in lines.items() if n < LEAST_LINES}
    assert short == {f for f in SHORT if f.startswith(f'{folder}/')}


def test_the_drawing_has_every_room() -> None:
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    drawing = text.partition('-- projects/aeroseg/ -')[2].partition('```')[0]
    drawn = set(re.findall(r'\b(\w+)/', drawing))
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    rooms |= {p.name for p in (PACKAGE / 'mapping').iterdir() if p.is_dir()}
    assert {r for r in rooms if r[0] not in '._'} - drawn == set()


def test_every_path_that_the_table_names_is_there() -> None:
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    table = text.partition('Where do I change')[2].partition('\n## ')[0]
    path = r'`((?:[a-z\d_-]+/)+(?:[\w-]+\.\w+)?|[a-z_]+\.py)`'
    named = re.findall(path, table)
    assert len(named) > 60
    assert [path for path in named if not _exists(path)] == []


def _exists(path: str) -> bool:
    """In the checkout or the package; a bare name: anywhere in them."""
    if '/' in path:
        tops = (ROOT, PACKAGE, PACKAGE.parent)
        return any((top / path).exists() for top in tops)
    return any(file.name == path for top in CODE for file in files(ROOT / top))
