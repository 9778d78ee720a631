# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Large scenes on the command line: workers, shares, assembly."""

from pathlib import Path

import pytest
from faults.materials import pixels, write_model, write_scene
from tool_process import Ended, run_tool

PREDICT = 'tools/predict.py'
RESULTS = ('labels.tif', 'scores.tif', 'classes.csv')


@pytest.fixture(scope='module')
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a scene of seven strips and the results of one process."""
    folder = tmp_path_factory.mktemp('region')
    write_model(folder / 'model')
    write_scene(folder / 'scene.tif', pixels(340, 70))
    done = predict(folder, 'whole')
    assert done.status == 0, done.err
    return folder


def predict(work: Path, out: str, *more: object) -> Ended:
    return run_tool(
        *(PREDICT, 'scene.tif', '--checkpoint', 'model/tiny.pth'),
        *('--classes', 'road; tree', '--scores', '--out', out, *more),
        folder=work,
    )


def same(work: Path, out: str) -> bool:
    found, expected = work / out, work / 'whole'
    return all(
        (found / name).read_bytes() == (expected / name).read_bytes()
        for name in RESULTS
    )


@pytest.mark.slow  # two workers import everything anew
def test_workers_give_the_same_bytes(work: Path) -> None:
    done = predict(work, 'workers', '--workers', 2)
    assert done.status == 0, done.err
    assert '2 workers' in done.err
    assert 'km2/h' in done.err
    assert same(work, 'workers')


def test_shares_in_any_order_are_assembled(work: Path) -> None:
    for share in ('3/3', '1/3'):
        done = predict(work, 'shares', '--blocks', share)
        assert done.status == 0, done.err
        assert f'share {share[0]} of 3 of scene.tif is kept' in done.err
    assert not (work / 'shares' / 'labels.tif').exists()
    early = predict(work, 'shares', '--assemble')
    assert early.status == 1
    assert '% of scene.tif is missing (rows ' in early.err
    assert predict(work, 'shares', '--blocks', '2/3').status == 0
    done = predict(work, 'shares', '--assemble')
    assert done.status == 0, done.err
    assert same(work, 'shares')
    assert not (work / 'shares' / '.aeroseg').exists()
    again = predict(work, 'shares', '--blocks', '1/3')
    assert again.status == 0
    assert 'already complete' in again.err


def test_rows_of_a_share_are_those_of_a_plain_run(work: Path) -> None:
    assert predict(work, 'mixed', '--blocks', '2/2').status == 0
    done = predict(work, 'mixed')
    assert done.status == 0, done.err
    assert '% of the scene is missing' in done.err
    assert same(work, 'mixed')


@pytest.mark.parametrize(
    ('more', 'sentence'),
    [
        (('--blocks', '0/3'), 'there is no share 0 of 3'),
        (('--blocks', '4/3'), 'there is no share 4 of 3'),
        (('--blocks', 'all'), 'is not a share such as 1/8'),
        (('--blocks', '1/3', '--workers', '2'), 'choose one of them'),
        (('--workers', '0'), '--workers'),
        (('model/../scene.tif', 'scene.png', '--blocks', '1/2'), 'scene.png'),
        (('--assemble',), '100.0 % of scene.tif is missing (rows 0 to 340'),
    ],
)
def test_one_sentence(
    work: Path, more: tuple[str, ...], sentence: str
) -> None:
    done = predict(work, 'bad', *more)
    assert done.status != 0
    assert sentence in done.err
    assert 'Traceback' not in done.err
