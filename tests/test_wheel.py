# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The wheel alone, in an environment and a folder of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from data.make_pairs import make_pairs

TINY = 'aeroseg::aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'
FOLDERS = ('projects', 'configs', 'tools', 'benchmarks', 'requirements')
FILES = (
    'setup.cfg', 'pyproject.toml', 'README.md', 'LICENSE', 'model-index.yml'
)  # fmt: skip
SHORT = (
    'train_cfg.max_iters=2', 'train_cfg.val_interval=2',
    'param_scheduler.T_max=2', 'default_hooks.checkpoint.interval=2',
)  # fmt: skip


def copy_sources(target: Path) -> Path:
    """What the wheel is made of; building leaves files next to it."""
    root = Path(__file__).resolve().parents[1]
    target.mkdir()
    for name in FOLDERS:
        ignored = shutil.ignore_patterns('__pycache__', '*.egg-info')
        shutil.copytree(
            root / name, target / name, symlinks=True, ignore=ignored
        )
    for name in FILES:
        shutil.copy(root / name, target / name)
    return target


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    root = copy_sources(tmp_path / 'source')
    expected = {
        path.relative_to(root).as_posix()
        for folder in FOLDERS[:-1]
        for path in (root / folder).rglob('*')
        if path.is_file()
        and '.mim' not in path.parts
        and path.suffix != '.log'
    }
    build = 'from setuptools import build_meta as b; b.build_wheel("..")'
    subprocess.run(
        [sys.executable, '-c', build],
        cwd=root,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    (wheel,) = tmp_path.glob('aeroseg-*.whl')
    held = {
        name.replace('aeroseg/.mim/', '')
        if name.startswith('aeroseg/.mim/')
        else f'projects/{name}'
        for name in zipfile.ZipFile(wheel).namelist()
        if '.dist-info/' not in name
    }
    assert held == expected | {'model-index.yml'}


@pytest.fixture(scope='module')
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`aeroseg` of a fresh environment that sees the dependencies alone."""
    folder = tmp_path_factory.mktemp('wheel')
    root = copy_sources(folder / 'source')
    pip = [sys.executable, '-m', 'pip', '--quiet']
    quiet = ['--no-deps', '--disable-pip-version-check']
    subprocess.run(
        [*pip, 'wheel', '--no-build-isolation', *quiet, '-w', folder, root],
        check=True,
    )
    (wheel,) = folder.glob('aeroseg-*.whl')
    venv.create(folder / 'env', with_pip=False)
    python = folder / 'env' / 'bin' / 'python'
    (site,) = (folder / 'env' / 'lib').glob('python*/site-packages')
    # A folder named in a .pth file gives its packages, but no .pth of its
    # own is read: not that of an editable AerOSeg.
    others = sysconfig.get_paths()['purelib']
    (site / 'dependencies.pth').write_text(f'{others}\n')
    subprocess.run(
        [*pip, '--python', python, 'install', *quiet, wheel], check=True
    )
    return folder / 'env' / 'bin' / 'aeroseg'


def call(command: Path, folder: Path, *words: str) -> str:
    """Run `aeroseg` in a folder; returns all that it printed."""
    hidden = ('PYTHONPATH', 'AEROSEG_COMMAND')
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        [str(command), *words],
        cwd=folder,
        env={**environment, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.wheel
def test_train_test_pack_and_predict_in_an_empty_folder(
    command: Path, tmp_path: Path
) -> None:
    text = call(command, tmp_path, 'configs', 'tiny')
    assert TINY in text
    tiles = tmp_path / 'tiles'
    for split in ('train', 'val'):
        make_pairs(tiles, split, number=1, size=(80, 80))
    data = [
        f'{loader}_dataloader.dataset.data_root={tiles}'
        for loader in ('train', 'val', 'test')
    ]
    options = ('--work-dir', 'work', '--cfg-options', *data)
    call(command, tmp_path, 'train', TINY, *options, *SHORT)
    text = call(command, tmp_path, 'test', TINY, 'work/iter_2.pth', *options)
    assert 'h-mIoU' in text
    text = call(command, tmp_path, 'pack', 'work/iter_2.pth', 'model')
    assert 'use it: aeroseg predict IMAGE --model model' in text
    text = call(
        command, tmp_path, 'predict', 'tiles/img_dir/val/0.png',
        *('--model', 'model', '--classes', 'road; tree', '--out', 'out'),
    )  # fmt: skip
    assert (tmp_path / 'out' / 'preview.png').is_file()
    assert str(command.parents[1]) not in text
