# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Results are found in work dirs, one per run."""

import os
from pathlib import Path

import pytest
from runs import find_runs

from aeroseg.evaluation import write_result


def put(
    folder: Path,
    name: str,
    score: float,
    age: float = 0,
    training: dict | None = None,
    data: dict | None = None,
    **run: object,
) -> None:
    path = folder / name
    write_result(
        path,
        {
            'summary': {'h-mIoU': score},
            'images': 4,
            'protocol': {
                'run': {'config': 'configs/a.py', 'seed': 0, **run},
                'model': {'test_cfg': {'mode': run.get('mode', 'whole')}},
                'code': {'commit': 'c' * 40},
                'training': training,
                'dataset': {'settings': data},
            },
        },
    )
    stamp = 1.7e9 - age
    os.utime(path, (stamp, stamp))


def scores(tmp_path: Path, **kwargs: object) -> list[float]:
    runs = find_runs([tmp_path], **kwargs)
    return [run.scores['h-mIoU'] for run in runs.get('a', [])]


def test_a_run_is_a_work_dir(tmp_path: Path) -> None:
    put(tmp_path, 'a/seed_0/t1/test_iter_9.json', 1)
    put(tmp_path, 'a/seed_1/t1/test_iter_9.json', 2, seed=1)
    put(tmp_path, 'b/t1/test_iter_9.json', 3, config='configs/b.py')
    runs = find_runs([tmp_path])
    assert sorted(runs) == ['a', 'b']
    assert [run.seed for run in runs['a']] == [0, 1]
    assert scores(tmp_path) == [1, 2]
    run = runs['a'][0]
    assert run.checkpoint == 'iter_9'
    assert run.mode == 'whole'
    assert run.commit == 'c' * 40
    assert run.folder == (tmp_path / 'a/seed_0').resolve()


def test_the_last_checkpoint_and_its_newest_result_count(
    tmp_path: Path,
) -> None:
    put(tmp_path, 'a/t1/test_iter_900.json', 1, age=0)
    put(tmp_path, 'a/t2/test_iter_1000.json', 2, age=9)
    put(tmp_path, 'a/t3/test_iter_1000.json', 3, age=5)
    assert scores(tmp_path) == [3]


def test_best_checkpoints_count_only_if_asked_for(tmp_path: Path) -> None:
    put(tmp_path, 'a/t1/test_iter_900.json', 1)
    put(tmp_path, 'a/t1/test_best_h-mIoU_iter_300.json', 2)
    assert scores(tmp_path) == [1]
    assert scores(tmp_path, checkpoint='best') == [2]


def test_one_inference_mode_may_be_chosen(tmp_path: Path) -> None:
    put(tmp_path, 'a/t1/test_iter_9.json', 1, age=9)
    put(tmp_path, 'a/t2/test_iter_9.json', 2, mode='slide_global')
    assert scores(tmp_path) == [2]
    assert scores(tmp_path, mode='whole') == [1]


def test_validations_are_no_results(tmp_path: Path) -> None:
    put(tmp_path, 'a/t1/val_iter_9.json', 1)
    assert find_runs([tmp_path]) == {}


@pytest.mark.parametrize(
    ('difference', 'named'),
    [
        ({'training': {'batch': 8}}, 'batch'),
        ({'training': {'processes': 2}}, 'processes'),
        ({'training': {'options': {'a.b': '1'}}}, 'options of training'),
        ({'options': {'a.b': '1'}}, 'options of the test'),
        ({'data': {'split': 'published'}}, 'data'),
    ],
)
def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(
    tmp_path: Path, difference: dict, named: str
) -> None:
    put(tmp_path, 'a/seed_0/t1/test_iter_9.json', 1)
    put(tmp_path, 'a/seed_1/t1/test_iter_9.json', 2, seed=1)
    assert scores(tmp_path) == [1, 2]
    put(tmp_path, 'a/seed_2/t1/test_iter_9.json', 3, seed=2, **difference)
    with pytest.raises(ValueError, match=f'with different {named}, so'):
        scores(tmp_path)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no folder'):
        find_runs([tmp_path / 'none'])
    with pytest.raises(ValueError, match="'last' and 'best'"):
        find_runs([tmp_path], checkpoint='first')
    write_result(tmp_path / 'test_iter_1.json', {'protocol': {}})
    with pytest.raises(ValueError, match=r'test_iter_1\.json does not say'):
        find_runs([tmp_path])
