# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""studies/paper_tables.py trains, tests and prints with the real tools."""

import json
import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TWO = ['--launcher', 'pytorch', '--processes', '2']
CONFIG = 'configs/aeroseg/aeroseg_tiny_1xb2-20_openearthmap-64x64.py'


def call(
    root: Path,
    *arguments: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> tuple[int, str, str]:
    """Run the tool in this process: exit status, stdout, stderr."""
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, 'path', sys.path.copy())
    monkeypatch.setattr(sys, 'argv', ['paper_tables.py', *arguments])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path('studies/paper_tables.py', run_name='__main__')
    return stop.value.code, *capsys.readouterr()


@pytest.fixture
def tool(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> Callable[..., tuple[int, str, str]]:
    return partial(call, root, monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Two iterations on eight tiles of noise."""
    random = np.random.default_rng(0)
    for split in ('train', 'val'):
        for i in range(4):
            image = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            label = random.integers(0, 8, (64, 64), dtype=np.uint8)
            for kind, pixels in (('img', image), ('ann', label)):
                folder = tmp_path / f'data/{kind}_dir/{split}'
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(folder / f'{i}.png')
    loaders = [f'{part}_dataloader' for part in ('train', 'val', 'test')]
    return [
        '--cfg-options',
        'train_cfg.max_iters=2',
        *(f'{x}.dataset.data_root={tmp_path}/data' for x in loaders),
    ]


@pytest.fixture
def tables(tmp_path: Path) -> str:
    path = tmp_path / 'tables.json'
    table = {
        'id': 'demo',
        'title': 'A small world',
        'metrics': ['h-mIoU', 'mIoU'],
        'datasets': ['tiles'],
        'rows': [{'id': 'tiny', 'name': 'Tiny', 'configs': {'tiles': CONFIG}}],
    }
    path.write_text(json.dumps({'tables': [table]}))
    return str(path)


def test_the_tables_of_the_paper_without_any_run(
    tool: Callable, tmp_path: Path
) -> None:
    status, out, _ = tool(str(tmp_path))
    assert status == 0
    assert '| Baseline | paper | 57.88 | 28.69 | 46.86 | 44.47 |' in out
    assert out.count('###') == 7


def test_a_fresh_checkout_has_blanks_alone(
    tool: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Path, 'is_dir', lambda self: False)
    status, out, _ = tool()
    assert status == 0
    assert '|  | ours |  |  |  |  |' in out


def test_a_csv_file_of_the_tables(tool: Callable, tmp_path: Path) -> None:
    target = tmp_path / 'tables.csv'
    status, out, _ = tool(str(tmp_path), '--csv', '--out', str(target))
    assert (status, out) == (0, '')
    # Rows x columns x scores of tables 2, 3, 4, 5, 6, 7 and 8.
    lines = 6 * 4 * 3 + 4 * 4 + 2 * 4 + 3 * 4 + 4 * 3 + 4 * 3 + 2 * 3
    assert len(target.read_text().splitlines()) == 1 + lines


def test_rows_are_listed(tool: Callable) -> None:
    lines = dict(
        line.split(None, 1) for line in tool('--list')[1].splitlines()
    )
    folder = 'configs/training_free'
    assert lines['8/segearth-ov/DLRSD'] == (
        f'{folder}/segearth-ov_vit-b16_dlrsd.py'
    )
    assert '6/sam-h/iSAID' in lines
    missing = [name for name, config in lines.items() if config == 'no config']
    assert missing == []
    assert lines['2/scan/DLRSD'].startswith('configs/scan/scan_vit-b16_')


def test_a_model_without_training_is_only_tested(
    tool: Callable, tmp_path: Path
) -> None:
    rows = ['--run', '8/segearth-ov/OEM', '--dry-run']
    _, out, _ = tool(str(tmp_path), *rows)
    (command,) = (line for line in out.splitlines() if line[0] != '#')
    assert 'tools/test.py configs/training_free/segearth-ov' in command
    assert '.pth' not in command


def test_rows_are_planned(tool: Callable, tmp_path: Path) -> None:
    rows = ['--run', '3/config-a/OEM', '--seeds', '0', '1', '--dry-run']
    _, out, _ = tool(str(tmp_path), *rows, '--launcher', 'slurm')
    commands = [line for line in out.splitlines() if line[0] != '#']
    assert len(commands) == 4
    assert all(command.startswith('srun ') for command in commands)
    assert 'iter_15000.pth' in commands[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--run', '3/config-z'], "no row matches '3/config-z'"),
        (['no/such/folder'], 'no folder no/such/folder'),
        (['--tables', 'none.json'], 'no table file none.json'),
    ],
)
def test_errors_are_one_line(
    tool: Callable, arguments: list[str], message: str
) -> None:
    status, out, err = tool(*arguments)
    assert (status, out) == (1, '')
    assert err.startswith(f'error: {message}')
    assert err.count('\n') == 1


@pytest.mark.slow
@pytest.mark.parametrize('launcher', [[], TWO], ids=['one', 'two processes'])
def test_a_row_is_trained_tested_and_printed(
    tool: Callable,
    tmp_path: Path,
    tables: str,
    options: list[str],
    launcher: list[str],
) -> None:
    work = tmp_path / 'work'
    rows = [str(work), '--tables', tables, '--run', 'demo', *options]
    rows += launcher
    status, out, _ = tool(*rows)
    assert status == 0
    assert '- Tiny, tiles: 1 run (seed 0), mode whole, iter_2' in out
    (result,) = work.glob('*/seed_0/*/test_iter_2.json')
    scores = json.loads(result.read_text())['summary']
    figures = f'{scores["h-mIoU"]:.2f} | {scores["mIoU"]:.2f}'
    assert f'| Tiny | ours | {figures} |' in out

    _, again, note = tool(*rows)
    assert 'demo/tiny/tiles, seed 0: done' in note
    assert again == out
    assert len(list(work.glob('*/seed_0/*/test_iter_2.json'))) == 1
