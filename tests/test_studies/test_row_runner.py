# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""Rows are run where they have no result, and go on where they stopped."""

import sys
from pathlib import Path

import pytest
from row_runner import Launcher, plan, run_job
from tables import Cell

from aeroseg.evaluation import write_result

CONFIG = 'configs/small.py'
CELL = Cell('3/small/A', CONFIG)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose tools write down that they were called."""
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'tools').mkdir()
    (tmp_path / CONFIG).write_text('train_cfg = dict(max_iters=7)\n')
    for name, body in (
        ('train', "Path(work, 'iter_7.pth').touch()"),
        ('test', ''),
    ):
        (tmp_path / f'tools/{name}.py').write_text(
            'import sys\nfrom pathlib import Path\n'
            "work = sys.argv[sys.argv.index('--work-dir') + 1]\n"
            'Path(work).mkdir(parents=True, exist_ok=True)\n'
            f"with Path(work, 'calls').open('a') as file:\n"
            f"    file.write('{name}\\n')\n{body}\n"
        )
    return tmp_path


def test_every_cell_and_seed_has_its_own_folder(tmp_path: Path) -> None:
    jobs = plan([CELL, Cell('2/x/B', 'c/x.py')], [0, 5], tmp_path)
    assert [job.work_dir.relative_to(tmp_path.resolve()) for job in jobs] == [
        Path('small/seed_0'),
        Path('x/seed_0'),
        Path('small/seed_5'),
        Path('x/seed_5'),
    ]


def test_options_of_a_row_come_before_those_of_the_command(
    checkout: Path,
) -> None:
    cell = Cell('3/small/A', CONFIG, ('train_cfg.max_iters=3', 'a=1'))
    (job,) = plan([cell], [0], checkout / 'work', ['train_cfg.max_iters=5'])
    assert job.checkpoint(checkout).name == 'iter_5.pth'
    assert job.options == ('train_cfg.max_iters=3', 'a=1', *job.options[2:])


def test_training_then_test_with_seed_and_options(checkout: Path) -> None:
    (job,) = plan([CELL], [3], checkout / 'work', ['a.b=1'])
    train, test = job.commands(checkout, Launcher())
    options = ['--cfg-options', 'randomness.seed=3', 'a.b=1']
    work = str(job.work_dir)
    assert train == [
        *(sys.executable, '-u', 'tools/train.py', CONFIG),
        *('--work-dir', work, '--resume', *options, '--launcher', 'none'),
    ]
    assert test == [
        *(sys.executable, '-u', 'tools/test.py', CONFIG),
        *(f'{work}/iter_7.pth', '--work-dir', work, *options),
        *('--launcher', 'none'),
    ]


def test_options_may_change_the_length(checkout: Path) -> None:
    options = ['train_cfg.max_iters=2']
    (job,) = plan([CELL], [0], checkout / 'work', options)
    assert job.checkpoint(checkout).name == 'iter_2.pth'


def test_launchers() -> None:
    pytorch = Launcher('pytorch', 4, '--max-restarts=1').command('t.py', 'c')
    assert pytorch[1:] == [
        *('-m', 'torch.distributed.run', '--standalone'),
        *('--nproc_per_node=4', '--max-restarts=1'),
        *('t.py', 'c', '--launcher', 'pytorch'),
    ]
    slurm = Launcher('slurm', arguments='-p "my gpus" -n 4').command('t.py')
    assert slurm[:5] == ['srun', '-p', 'my gpus', '-n', '4']
    assert slurm[-2:] == ['--launcher', 'slurm']
    with pytest.raises(ValueError, match="'none', 'pytorch' and 'slurm'"):
        Launcher('mpi')


def test_what_is_done_is_not_done_again(checkout: Path) -> None:
    (job,) = plan([CELL], [0], checkout / 'work')
    assert not job.is_done(checkout)
    run_job(job, checkout, Launcher())
    calls = job.work_dir / 'calls'
    assert calls.read_text().split() == ['train', 'test']
    # Trained but without a result: only the test is left.
    assert not job.is_done(checkout)
    run_job(job, checkout, Launcher())
    assert calls.read_text().split() == ['train', 'test', 'test']
    run = {'run': {'config': CONFIG, 'seed': 0}, 'model': {'test_cfg': None}}
    for name, done in (('iter_6', False), ('iter_7', True)):
        path = job.work_dir / f'time/test_{name}.json'
        write_result(path, {'summary': {}, 'protocol': run})
        assert job.is_done(checkout) is done


def test_a_failure_stops_and_names_the_command(checkout: Path) -> None:
    (checkout / 'tools/train.py').write_text('raise SystemExit(3)\n')
    (job,) = plan([CELL], [0], checkout / 'work')
    with pytest.raises(
        ChildProcessError, match=r'exit status 3 of: .*train\.py'
    ):
        run_job(job, checkout, Launcher())
    assert not (job.work_dir / 'calls').exists()


def test_configs_that_cannot_be_run(checkout: Path) -> None:
    (job,) = plan([Cell('1/a/A', 'configs/none.py')], [0], checkout)
    with pytest.raises(FileNotFoundError, match='1/a/A: there is no config'):
        job.checkpoint(checkout)
    (checkout / CONFIG).write_text('train_cfg = dict(max_epochs=7)\n')
    (job,) = plan([CELL], [0], checkout)
    with pytest.raises(ValueError, match=r'train_cfg\.max_iters'):
        job.checkpoint(checkout)


def test_a_result_of_other_options_is_not_taken(checkout: Path) -> None:
    (job,) = plan([CELL], [0], checkout / 'work', ['a.b=1'])
    path = job.work_dir / 't1/test_iter_7.json'
    protocol = {'run': {'config': CONFIG, 'options': {}}, 'model': {}}
    write_result(path, {'summary': {}, 'protocol': protocol})
    with pytest.raises(ValueError, match=r"options \{\}, and \{'a\.b': '1'\}"):
        job.is_done(checkout)
    protocol['run']['options'] = {'a.b': '1'}
    write_result(path, {'summary': {}, 'protocol': protocol})
    assert job.is_done(checkout)
