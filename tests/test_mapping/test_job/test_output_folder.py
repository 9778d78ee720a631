# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
from pathlib import Path

import pytest

from aeroseg.mapping.job.output_folder import OutputFolder
from aeroseg.mapping.job.work_folder import WorkFolder

JOB = {'words': ['road']}


def _fail(folder: OutputFolder, error: BaseException) -> None:
    with folder.guard(10) as work:
        assert isinstance(work, WorkFolder)
        raise error


def test_complete_job_is_known_again(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / 'out', JOB)
    assert folder.report is None
    with folder.guard(10):
        (tmp_path / 'out' / 'a.txt').write_text('x')
    folder.complete({'files': {'a': 'a.txt'}})
    again = OutputFolder(tmp_path / 'out', JOB)
    assert again.report is not None
    assert again.report['settings'] == JOB
    assert sorted(p.name for p in (tmp_path / 'out').iterdir()) == [
        'a.txt',
        'report.json',
    ]


@pytest.mark.parametrize('text', ['{"job', '{}', '[]', ''])
def test_a_damaged_report_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / 'report.json').write_text(text)
    assert OutputFolder(tmp_path, JOB).report is None


def test_kills_keep_the_work_and_faults_remove_it(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        _fail(OutputFolder(out, JOB), KeyboardInterrupt())
    assert (out / '.aeroseg').is_dir()
    with pytest.raises(ValueError, match='bad scene'):
        _fail(OutputFolder(out, JOB), ValueError('bad scene'))
    assert out.is_dir()
    assert not any(out.iterdir())
    out.rmdir()
    with pytest.raises(ValueError, match='bad scene'):
        _fail(OutputFolder(out, JOB), ValueError('bad scene'))
    assert not out.exists()


def test_full_disk_is_explained_and_the_work_kept(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    full = OSError(28, 'No space left on device')
    with pytest.raises(ValueError, match=r'No space left.*run again'):
        _fail(OutputFolder(out, JOB), full)
    assert (out / '.aeroseg').is_dir()


def test_remains_of_a_kill_are_removed(tmp_path: Path) -> None:
    part = tmp_path / '.labels.123.part.tif'
    part.write_text('half')
    mine = tmp_path / 'notes.txt'
    mine.write_text('keep')
    with OutputFolder(tmp_path, JOB).guard(10):
        assert not part.exists()
    assert mine.exists()


def test_overwriting_removes_the_old_results_only(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path, JOB)
    for name in ('a.txt', 'mine.txt'):
        (tmp_path / name).write_text('x')
    folder.complete({'files': {'a': 'a.txt'}})
    with pytest.raises(ValueError, match='another run'):
        OutputFolder(tmp_path, {'words': []})
    OutputFolder(tmp_path, {'words': []}, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ['mine.txt']


def test_overwriting_repeats_the_same_job(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path, JOB)
    (tmp_path / 'a.txt').write_text('x')
    folder.complete({'files': {'a': 'a.txt'}})
    assert OutputFolder(tmp_path, JOB, overwrite=True).report is None
    assert not any(tmp_path.iterdir())


def test_overwriting_resumes_what_a_kill_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _fail(OutputFolder(tmp_path, JOB), KeyboardInterrupt())
    mark = tmp_path / '.aeroseg' / 'rows'
    mark.write_text('finished rows')
    with OutputFolder(tmp_path, JOB, overwrite=True).guard(10):
        assert mark.is_file()
