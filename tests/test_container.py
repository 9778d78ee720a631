# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The container file: linted, and its files are there. It is not built."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from test_wheel import FILES, FOLDERS


@pytest.fixture
def text(root: Path) -> str:
    return (root / 'Containerfile').read_text(encoding='utf-8')


def lint(file: Path) -> subprocess.CompletedProcess:
    folder = Path(sys.executable).parent
    program = shutil.which('hadolint', path=folder) or shutil.which('hadolint')
    assert program, 'no hadolint; it comes with requirements/tests.txt'
    return subprocess.run(
        [program, '--no-color', file],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_linter_has_no_complaint(root: Path) -> None:
    done = lint(root / 'Containerfile')
    assert (done.returncode, done.stdout) == (0, '')


def test_the_linter_would_complain(text: str, tmp_path: Path) -> None:
    file = tmp_path / 'Containerfile'
    file.write_text(text.replace('USER 1000', 'USER root'))
    assert 'DL3002' in lint(file).stdout


def test_it_runs_as_nobody_special(text: str) -> None:
    assert re.findall(r'^USER (\S+)', text, re.MULTILINE) == ['1000']


def test_it_has_all_that_the_wheel_is_made_of(text: str) -> None:
    copied = {
        source
        for line in re.findall(r'^COPY (?!--)(.*)$', text, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert copied == {*FOLDERS, *FILES}


def test_only_that_is_sent_and_no_weights(root: Path) -> None:
    lines = (root / '.dockerignore').read_text(encoding='utf-8').splitlines()
    rules = [line for line in lines if line and not line.startswith('#')]
    assert rules[0] == '*'
    let_in = {rule[1:] for rule in rules if rule.startswith('!')}
    assert let_in == {*FOLDERS, *FILES}
    kept_out = [rule.removeprefix('**/') for rule in rules if '**/' in rule]
    for name in ('model.pth', 'ViT-B-16.pt', 'aeroseg.egg-info'):
        assert any(fnmatch(name, rule) for rule in kept_out), name
