# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
import json
from pathlib import Path

import pytest
from data.make_dlrsd import make_dlrsd
from data.make_folder import make_folder
from data.make_isaid import make_isaid
from data.make_openearthmap import make_openearthmap
from tool_process import run_tool

MAKERS = {
    'isaid': make_isaid,
    'dlrsd': make_dlrsd,
    'openearthmap': make_openearthmap,
    'folder': make_folder,
}
OPTIONS = {
    'isaid': ['--min-pixels', '1000'],
    'dlrsd': ['--split', 'published', '--seed', '3'],
    'openearthmap': ['--rule', 'clamp', '--size', '64'],
    'folder': [
        '--names', 'source/names.txt', '--masks', 'colours',
        '--ignore-colours', '#9B9B9B', '--size', '32',
    ],
}  # fmt: skip


def run(folder: Path, name: str) -> tuple[int, str]:
    done = run_tool(
        f'tools/dataset_converters/{name}.py',
        *('source', 'out', '--workers', '1', *OPTIONS[name]),
        folder=folder,
    )
    return done.status, done.out + done.err


@pytest.mark.parametrize('name', MAKERS)
def test_commands_from_any_folder(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / 'source')
    status, text = run(tmp_path, name)
    assert status == 0, text
    summary = json.loads((tmp_path / 'out/manifest.json').read_text())
    for split in ('train', 'val'):
        tiles = summary['splits'][split]['tiles']
        assert f'{split}: {tiles:,} tiles' in text
        assert len(list((tmp_path / 'out/ann_dir' / split).iterdir())) == tiles
    for sentence in summary['report']:
        assert sentence in text
    assert (tmp_path / 'out/names.txt').is_file() == (name == 'folder')


def test_a_fault_ends_with_one_message(tmp_path: Path) -> None:
    make_isaid(tmp_path / 'source')
    (tmp_path / 'source/val/images/P0002.png').unlink()
    status, text = run(tmp_path, 'isaid')
    assert status == 1
    assert 'error: val: no image for P0002' in text
    assert 'Traceback' not in text
    assert not (tmp_path / 'out').exists()
