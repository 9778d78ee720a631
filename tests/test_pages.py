# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The pages: every command is accepted, and those of the README are run."""

import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from data.make_folder import NAMES, make_folder
from data.make_pairs import make_pairs
from mmengine.config import Config
from mmseg.registry import MODELS
from page_commands import (
    PAGES,
    ROOT,
    Command,
    commands,
    parser_of,
    script_of,
    spoken_of,
)
from PIL import Image
from tool_process import ToolRun

# Programs on the pages that are not ours.
OTHERS = ('.', 'cd', 'export', 'pre-commit', 'docker', '/usr/bin/time')
# Commands of the README that are not run, and where the same is tested.
NOT_RUN = {
    'make demo': '`aeroseg demo` is run',
    'aeroseg predict https://host/scene.tif': 'tests/test_mapping',
    'aeroseg predict scene.tif --classes': 'needs CLIP; tests/test_apis',
    'aeroseg predict scene.tif --model USER/NAME': 'tests/test_checkpoints',
    'aeroseg train configs/aeroseg/aeroseg_vit-b16_sam-l': (
        'full size; tests/test_study_configs.py'
    ),
    'aeroseg test-across': 'tests/test_tools/test_test_across.py',
    'aeroseg serve': 'tests/test_serving',
}
# Commands that are run one after the other in a folder of their own, by their
# beginnings; what is longer than a few seconds is in SLOW.
FAST = {
    'pack, predict, assess': (
        'README.md: aeroseg pack CHECKPOINT my-model',
        'README.md: aeroseg predict scene.tif --model my-model --classes',
        'README.md: aeroseg assess-map plan out/labels.tif',
        'docs/assess.md: aeroseg assess-map sample out/labels.tif',
    ),
    'a model that states its resolution': (
        'docs/predict.md: aeroseg pack work_dirs/NAME/iter_10000.pth',
        'README.md: aeroseg predict scene.tif --model my-model --out',
    ),
    'pictures': ('README.md: aeroseg visualize',),
    'report': (
        'README.md: aeroseg test CONFIG CHECKPOINT --report full',
        'README.md: python studies/paper_tables.py work_dirs',
    ),
}
SLOW = {
    'the demo, then its model': (
        'README.md: aeroseg demo',
        'README.md: aeroseg predict work_dirs/demo',
    ),
    'workers': (
        'README.md: aeroseg pack CHECKPOINT my-model',
        'README.md: aeroseg predict region.tif',
    ),
    'export': (
        'README.md: aeroseg pack CHECKPOINT my-model',
        'README.md: aeroseg export my-model my-model-onnx',
        'docs/export.md: aeroseg predict scene.tif --model my-model-onnx',
        'docs/export.md: aeroseg test CONFIG my-model-onnx',
    ),
    'own data, to a trained model': (
        'README.md: aeroseg convert folder',
        'README.md: aeroseg check data/mine',
        'README.md: aeroseg train my-config.py',
    ),
    'two runs': ('README.md: aeroseg compare-runs',),
    'time': ('README.md: python benchmarks/benchmark.py CONFIG',),
}
TINY = ROOT / 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
# What stands for a file of the reader.
FILES = {'CONFIG': 'config.py', 'CHECKPOINT': 'work_dirs/NAME/iter_10000.pth'}
OWN_CONFIG = f"""\
_base_ = '{TINY}'
names = 'names.txt'
dataset = dict(type='FolderDataset', data_root='data/mine', names=names)
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
model = dict(vocabulary=dict(_delete_=True, file=names, classes='seen'))
"""


def written(page: str) -> Iterator[Command]:
    """The whole commands of a page; of the README also those of its table."""
    yield from commands(page)
    if page == 'README.md':
        for command in spoken_of(page):
            if len(command.words) > 2 or command.words[1] == 'demo':
                yield command


def options_of(parser: ArgumentParser) -> set[str]:
    """The options of a parser and of its steps."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            found.update(*map(options_of, action.choices.values()))
    return found


def complaint(command: Command) -> str:
    """What is wrong with a command; empty if it is accepted."""
    started = script_of(command)
    if started is None:
        return _unknown(command.words)
    script, arguments = started
    for word in arguments:
        ours = re.match(r'(configs|examples)/\S+\.\w+$', word)
        if ours and not (ROOT / word).is_file():
            return f'there is no {word}'
    if script.startswith('tests/'):
        return ''
    try:
        parser_of(script).parse_args(list(arguments))
    except SystemExit:
        return f'{script} does not accept {shlex.join(arguments)}'
    return ''


def _unknown(words: tuple[str, ...]) -> str:
    rest = [word for word in words[1:] if not word.startswith('-')]
    if words[0] == 'make':
        targets = re.findall(
            r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE
        )
        wrong = [x for x in rest if '=' not in x and x not in targets]
        return f'make has no target {wrong}' if wrong else ''
    if words[0] == 'pip':
        return _unknown_extra(words) or _missing(
            word for word in rest if word.startswith('requirements/')
        )
    if words[0] == 'pytest':
        return _missing(word for word in rest if word.startswith('tests/'))
    if words[0] == 'bash':
        return _missing(words[1:2])
    known = words[0] in (*OTHERS, 'aeroseg') or words[:2] == ('python', '-m')
    return '' if known else f'what is {words[0]}?'


def _missing(paths: Iterable[str]) -> str:
    gone = [path for path in paths if not (ROOT / path).exists()]
    return f'there is no {gone}' if gone else ''


def _unknown_extra(words: tuple[str, ...]) -> str:
    setup = ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    known = set(setup['options.extras_require'])
    for word in words:
        found = re.fullmatch(r'(?:\.|aeroseg)\[([\w,]+)\]', word)
        if found and set(found[1].split(',')) - known:
            return f'{word}: the extras are {sorted(known)}'
    return ''


@pytest.mark.parametrize('page', PAGES)
def test_every_command_of_a_page_is_accepted(
    page: str, capsys: pytest.CaptureFixture
) -> None:
    wrong = {str(command): complaint(command) for command in written(page)}
    wrong = {command: why for command, why in wrong.items() if why}
    assert wrong == {}, capsys.readouterr().err


@pytest.mark.parametrize('page', PAGES)
def test_options_in_the_text_exist(page: str) -> None:
    wrong = []
    for command in spoken_of(page):
        started = script_of(command)
        if started is not None and not started[0].startswith('tests/'):
            options = options_of(parser_of(started[0]))
            given = {word for word in started[1] if word.startswith('--')}
            if given - options:
                wrong.append(str(command))
    assert wrong == []


@pytest.mark.parametrize(
    ('words', 'why'),
    [
        ('aeroseg predict scene.tif --out out --clases road', 'not accept'),
        ('aeroseg train configs/aeroseg/gone.py', 'there is no configs'),
        ('make demos', 'no target'),
        ("pip install -e '.[geos]'", 'the extras are'),
        ('areoseg train CONFIG', 'what is areoseg'),
        ('bash tools/gone.sh', 'there is no'),
    ],
)
def test_a_wrong_command_is_found(words: str, why: str) -> None:
    assert why in complaint(Command('page', tuple(shlex.split(words))))


@pytest.mark.parametrize('words', ['aeroseg predit x', 'python tools/x.py'])
def test_a_command_that_does_not_exist_is_found(words: str) -> None:
    with pytest.raises(ValueError, match='there is no'):
        complaint(Command('page', tuple(words.split())))


@cache
def _tiny_weights() -> dict[str, torch.Tensor]:
    import aeroseg.models  # noqa: F401

    return MODELS.build(Config.fromfile(TINY).model).state_dict()


def _scene(path: Path, size: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The files that the commands of the pages are about."""
    config = Config.fromfile(TINY)
    tiles = make_pairs(tmp_path / 'tiles', 'val', number=2, size=(64, 64))
    for loader in ('val', 'test'):
        config[f'{loader}_dataloader'].dataset.data_root = str(tiles)
    run = tmp_path / 'work_dirs/NAME'
    run.mkdir(parents=True)
    for name in ('config.py', 'A.py', 'B.py', 'work_dirs/NAME/config.py'):
        config.dump(tmp_path / name)
    weights = {'state_dict': _tiny_weights()}
    for name in ('a.pth', 'b.pth', FILES['CHECKPOINT']):
        torch.save(weights, tmp_path / name)
    for name, side in (('scene.tif', 96), ('region.tif', 160)):
        _scene(tmp_path / name, (side, side, 3))
    _scene(tmp_path / 'tile.png', (64, 64, 3))
    make_folder(tmp_path / 'downloads/mine', masks='ids')
    (tmp_path / 'names.txt').write_text(NAMES)
    (tmp_path / 'my-config.py').write_text(OWN_CONFIG)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    return tmp_path


def _on_page(beginning: str) -> Command:
    page, _, words = beginning.partition(': ')
    found = [x for x in written(page) if str(x).startswith(beginning)]
    assert found, f'{page} has no command {words!r} any more'
    return found[0]


def _run(command: Command, desk: Path) -> None:
    script, arguments = script_of(command) or pytest.fail(str(command))
    files = [FILES.get(word, word) for word in arguments]
    ended = ToolRun(script, files, desk).wait(1500)
    assert ended.status == 0, f'{command}\n{ended.out}\n{ended.err}'


@pytest.mark.parametrize('story', FAST)
def test_the_commands_do_what_the_page_says(story: str, desk: Path) -> None:
    for beginning in FAST[story]:
        _run(_on_page(beginning), desk)


def _before(story: str, desk: Path) -> None:
    if story == 'two runs':
        for name in 'ab':
            words = ('--report', 'full', '--work-dir', f'work_dirs/{name}')
            _run(Command('', ('aeroseg', 'test', *FILES, *words)), desk)


@pytest.mark.slow
@pytest.mark.parametrize('story', SLOW)
def test_the_longer_commands_do_too(story: str, desk: Path) -> None:
    _before(story, desk)
    for beginning in SLOW[story]:
        _run(_on_page(beginning), desk)


def test_every_command_of_the_readme_is_run_or_says_why_not() -> None:
    run = [
        str(_on_page(beginning))
        for story in (*FAST.values(), *SLOW.values())
        for beginning in story
    ]
    left = [
        str(command)
        for command in written('README.md')
        if command.words[0] != '.'
        and str(command) not in run
        and not shlex.join(command.words).startswith(tuple(NOT_RUN))
    ]
    assert left == []
    said = [shlex.join(x.words) for x in written('README.md')]
    assert [x for x in NOT_RUN if not any(y.startswith(x) for y in said)] == []


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('NO_MKDOCS_2_WARNING', '1')
    build = [sys.executable, '-m', 'mkdocs', 'build', '--strict']
    subprocess.run(
        [*build, '--quiet', '--site-dir', tmp_path], cwd=ROOT, check=True
    )
    assert (tmp_path / 'api/predictor.html').is_file()
    loaded = [
        found
        for page in tmp_path.rglob('*.html')
        for found in re.findall(
            r'<(?:script|img|iframe|link rel="stylesheet")[^>]+https?://[^>]+',
            page.read_text(encoding='utf-8'),
        )
    ]
    assert loaded == []
