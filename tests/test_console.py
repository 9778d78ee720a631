# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The command `aeroseg`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aeroseg_console
import pytest
from mmseg.registry import MODELS

from aeroseg.models import AerOSeg
from aeroseg.read_config import config_file, read_config


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    def run(*words: str) -> str:
        monkeypatch.setattr(sys, 'argv', ['aeroseg', *words])
        aeroseg_console.main()
        return capsys.readouterr().out

    return run


def test_help_has_a_sentence_per_tool(call: Callable, root: Path) -> None:
    text = call('--help')
    assert call() == text
    assert '  train     ' in text
    assert 'Train a model.' in text
    assert '-table' not in text  # not a tool
    for path in (root / 'tools').rglob('[!_]*.py'):
        if path.stem != 'paper_tables':
            assert aeroseg_console.summary(path) in text, path


def test_help_imports_nothing_heavy(root: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, '-X', 'importtime', '-c'),
            'import sys; sys.argv = ["aeroseg"]; '
            'import aeroseg_console; aeroseg_console.main()',
        ],
        cwd=root / 'projects',
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'aeroseg_console' in done.stderr
    assert '| torch' not in done.stderr


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['trian'], "did you mean 'train'"),
        (['paper-tables'], 'there is no command'),
        (['convert'], 'convert isaid'),
        (['convert', 'isaidd'], 'convert isaid'),
        (['convert-model', '--help'], 'sam2-to-timm'),
    ],
)
def test_a_wrong_word(call: Callable, words: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as end:
        call(*words)
    assert said in str(end.value.code)


def test_configs_are_listed_and_can_be_read(call: Callable) -> None:
    names = call('configs', 'aeroseg', 'isaid').split()
    name = 'aeroseg::aeroseg/aeroseg_vit-b16_sam-l_1xb4-10k_isaid-384x384.py'
    assert name in names
    assert not any('_base_' in name for name in names)
    assert read_config(name).model.type == 'AerOSeg'


def test_a_config_inherits_from_one_of_the_package(tmp_path: Path) -> None:
    base = 'aeroseg::aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    (tmp_path / 'own.py').write_text(f"_base_ = '{base}'\nseed = 3\n")
    config = read_config(tmp_path / 'own.py')
    assert config.model.type == 'AerOSeg'
    assert type(MODELS.build(config.model)) is AerOSeg
    # mmengine would look for registries of ours.
    assert '_scope_' not in config.pretty_text


def test_paths_of_the_pages_work_without_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
    monkeypatch.chdir(tmp_path)
    assert config_file(f'configs/{name}').is_file()
    (tmp_path / 'configs').mkdir()  # the user's own: nothing is guessed
    with pytest.raises(FileNotFoundError, match='aeroseg configs'):
        config_file(f'configs/{name}')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('python tools/train.py CONFIG', 'aeroseg train CONFIG'),
        ('score it with tools/test.py', 'score it with aeroseg test'),
        ('  python tools/check_dataset.py a', '  aeroseg check a'),
        (
            'python tools/dataset_converters/isaid.py a b',
            'aeroseg convert isaid a b',
        ),
        (
            'torchrun --nproc-per-node 4 tools/predict.py a',
            'torchrun --nproc-per-node 4 -m aeroseg predict a',
        ),
        ('one\n  bash tools/dist_train.sh CONFIG 4\ntwo', 'one\ntwo'),
        ('python tools/paper_tables.py', 'python tools/paper_tables.py'),
        ('python tools/nothing.py', 'python tools/nothing.py'),
    ],
)
def test_texts_name_the_command(text: str, expected: str) -> None:
    assert aeroseg_console.spoken(text) == expected
