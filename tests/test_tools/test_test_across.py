# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""tools/test_across.py: from an official download to the table."""

from pathlib import Path

import pytest
from data.make_cross import make_cross
from tool_process import ROOT, Ended, run_tool

from aeroseg.datasets.cross.converter import CONVERTED

FREE = 'configs/demo/training_free/segearth-ov_world.py'


def across(folder: Path, *words: str) -> Ended:
    return run_tool(
        'tools/test_across.py',
        str(ROOT / FREE),
        *('--work-dir', 'work', *words),
        folder=folder,
    )


def test_one_command_converts_checks_tests_and_prints(tmp_path: Path) -> None:
    names = ('loveda', 'vaihingen')
    for name in names:
        make_cross(tmp_path / 'downloads' / name, name)
    done = across(
        tmp_path,
        *('--data', *names),
        *('--downloads', *(f'{n}=downloads/{n}' for n in names)),
    )
    assert done.status == 0, done.err[-3000:]
    assert '- test: 2 images have no labels and are left out' in done.out
    assert 'loveda: 4 more warnings; tools/check_dataset.py' in done.out
    assert '| mean of 2 ' in done.out
    assert '0 of 7' in done.out


@pytest.mark.slow
def test_every_official_layout_in_one_table(tmp_path: Path) -> None:
    others = ('floodnet', 'isaid16', 'country')
    names = [n for n in CONVERTED if n not in others]
    for name in names:
        make_cross(tmp_path / 'downloads' / name, name)
    done = across(
        tmp_path,
        *('--protocol', 'ovrsisbench-v1', '--data', *names),
        *('--downloads', *(f'{n}=downloads/{n}' for n in names)),
        *('--cfg-options', 'test_dataloader.batch_size=1'),
    )
    assert done.status == 0, done.err[-3000:]
    table = done.out[done.out.index('OVRSISBench V1') :]
    for name in names:
        assert f'\n| {name} ' in table
    assert '| mean of 6 ' in table
    assert '0 of 8' in table
    # Tiles of Potsdam: the published size is not known.
    assert 'potsdam: the tile size of the published files' in table
    files = sorted(p.name for p in (tmp_path / 'work/across').iterdir())
    assert files == [
        f'cross_ovrsisbench-v1_{name}_untrained.json' for name in names
    ]


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (['--data', 'lovda'], '--data lovda: no such test set; known are'),
        (['--data', 'vdd', 'vdd=x'], '--data: vdd is given twice'),
        (['--data', 'vdd'], 'no folder data/vdd for vdd; convert the'),
        (
            ['--data', 'vdd', '--words', 'udd5=a.txt'],
            '--words udd5: it is not among the sets of --data, vdd',
        ),
        (
            ['--data', 'vdd', '--downloads', 'vdd'],
            '--downloads vdd: give it as NAME=PATH',
        ),
        (
            ['--data', 'vdd', '--downloads', 'vdd=udd5'],
            'no file of VDD in udd5; expected {train,val,test}/src',
        ),
    ],
)
def test_faults_end_with_one_sentence(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    (tmp_path / 'udd5').mkdir()
    done = across(tmp_path, *words)
    assert done.status != 0
    assert sentence in done.err.replace('\n', ' ')
    assert 'Traceback' not in done.err
